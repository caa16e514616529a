"""An engine that was started again at its address is the model that it was, or gets no calls."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import astuple, replace
from pathlib import Path

import pytest

from inference.engines.base import EngineInfo, EngineUnavailable
from inference.engines.local import client, frames, sockets
from inference.engines.local.client import LocalEngine
from tests.patience import soon

LLAMA = EngineInfo("llama", 8192, 128_256, 8_030_000_000, "bfloat16", "cuda:0")


class Served(asyncio.Protocol):
    """Tells who it is, and nothing else."""

    def __init__(self, info: EngineInfo, made: list[asyncio.Transport]) -> None:
        self._info, self._made, self._reader = info, made, frames.FrameReader()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._made.append(transport)
        transport.write(frames.pack([frames.HELLO, b"nonce"]))

    def data_received(self, data: bytes) -> None:
        for verb, id_, *_ in self._reader.feed(data):
            if verb == frames.INFO:
                answer = [frames.ANSWER, id_, list(astuple(self._info))]
                self._made[-1].write(frames.pack(answer))


@asynccontextmanager
async def served(address: str, info: EngineInfo) -> AsyncIterator[None]:
    made: list[asyncio.Transport] = []
    listener = await sockets.listen(address, lambda: Served(info, made))
    yield
    listener.close()
    for transport in made:
        transport.close()
    sockets.remove(address)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalEngine:
    monkeypatch.setattr(client, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(client, "LONGEST_PAUSE", 0.0)
    return LocalEngine(f"unix:{tmp_path}/e.sock")


async def gone(connection: client._Connection) -> None:
    while connection.usable:  # noqa: ASYNC110 - it tells nobody when it is gone
        await asyncio.sleep(0)


async def known(engine: LocalEngine, info: EngineInfo) -> None:
    async with served(engine.address, info):
        assert await engine.info() == info
        connection = await engine._connection()
    await soon(gone(connection))


async def test_another_model_in_its_place_gets_no_calls(
    engine: LocalEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await known(engine, LLAMA)
    other = replace(LLAMA, model="qwen", parameters=600_000_000)
    async with served(engine.address, other):
        for _ in range(2):
            with pytest.raises(EngineUnavailable, match="Another model answers"):
                await engine.info()
    assert "another_model" in caplog.text
    await known(engine, LLAMA)
    await engine.close()


async def test_the_same_model_with_other_settings_goes_on_and_the_log_says_so(
    engine: LocalEngine, caplog: pytest.LogCaptureFixture
) -> None:
    await known(engine, LLAMA)
    await known(engine, LLAMA)
    assert not caplog.records
    await known(engine, replace(LLAMA, dtype="float32", context_window=4096))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "engine_changed" in caplog.text
    await engine.close()


async def test_who_edits_the_row_begins_anew(engine: LocalEngine) -> None:
    await known(engine, LLAMA)
    again = LocalEngine(engine.address)
    await known(again, replace(LLAMA, model="qwen"))
    await engine.close()
    await again.close()
