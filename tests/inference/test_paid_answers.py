"""Nobody has the end of an answer before its charge stands in the book."""

import asyncio

import pytest

from billing import ledger
from tests.inference.asgi import Tenant
from tests.inference.conftest import only_hold


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_ends_when_its_charge_is_written_down(
    ada: Tenant, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    asked, written = asyncio.Event(), asyncio.Event()
    settle = ledger.settle

    async def slowly(*arguments: object, **options: object) -> object:
        asked.set()
        await written.wait()
        return await settle(*arguments, **options)  # type: ignore[arg-type]  # passed on

    monkeypatch.setattr(ledger, "settle", slowly)
    call = ada.call("one two", stream=stream)
    await asked.wait()
    for _ in range(10):  # whoever would send it now has the time to
        await asyncio.sleep(0)
    assert bool(call.messages) is stream
    assert b"[DONE]" not in b"".join(message.get("body", b"") for message in call.messages)
    written.set()
    await call.finished()
    assert call.status == 200
    assert (await only_hold()).state == "settled"
