"""Rows of other servers: what they may say, and what becomes of changed ones."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from inference.engines import registry
from inference.engines.remote import BadRemote, RemoteAddress, RemoteEngine
from inference.engines.remote import engine as engine_module


@dataclass(frozen=True)
class Row:
    engine: str
    context_window: int = 1000
    id: str = "m"
    socket: Path = Path("/nowhere")
    adapter: str | None = None


def test_an_address_is_written_as_it_was_read() -> None:
    text = "http://a:8000/v1 https://b/v1 model=x/y key_env=VLLM_KEY usage=each count=tokenize"
    assert str(RemoteAddress.read(text.replace("/v1 h", "/v1/  h"))) == text
    assert str(RemoteAddress.read("http://a/v1 usage=pieces")) == "http://a/v1 usage=pieces"


@pytest.mark.parametrize(
    "text",
    [
        "", "model=x", "http://", "http:///v1", "http://a:0/v1", "http://a:x/v1", "http://a/v1?x=1",
        "http://a/v1#x", "http://me:secret@a/v1", "http://a/v1 http://a/v1", "http://a/v1 odd=1",
        "http://a/v1 model=", "http://a/v1 model=x model=y", "http://a/v1 key_env=lower",
        "http://a/v1 usage=never", "http://a/v1 usage=each usage=pieces", "http://a/v1 ftp://b/v1",
        " ".join(f"http://a{number}/v1" for number in range(65)),
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadRemote):
        RemoteAddress.read(text)


async def test_a_changed_row_has_a_new_engine_and_the_old_one_ends_what_it_began(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "PREPARED_SECONDS", 0.0)
    old = registry.engine_for(Row("http://127.0.0.1:9/v1"))
    assert isinstance(old, RemoteEngine)
    assert registry.engine_for(Row("http://127.0.0.1:9/v1")) is old
    old.replicas.all[0].took()

    assert registry.engine_for(Row("http://127.0.0.1:9/v1", 2000)) is not old
    await asyncio.sleep(0.05)
    assert not old.connections.closed
    old.replicas.all[0].left()
    await asyncio.sleep(0.05)
    assert old.connections.closed
    await registry.close()
