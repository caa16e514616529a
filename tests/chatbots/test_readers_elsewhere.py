"""An answer that ends when nobody listens goes on while another process's reader does."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chatbots import conversing, finding
from chatbots.consumers import following
from chatbots.conversing import Speaker, Turn
from config import draining
from tests.chatbots.conftest import published
from tests.inference.conftest import Fund

WORDS = "#pace=60 " + " ".join(["word"] * 20)


@pytest.mark.parametrize(("listens", "status"), [(True, "completed"), (False, "cancelled")])
def test_it_hears_of_listeners_in_other_processes(
    transactional_db: None,
    fund: Fund,
    monkeypatch: pytest.MonkeyPatch,
    listens: bool,
    status: str,
) -> None:
    for name, seconds in [
        ("conversing.answering.ALONE_SECONDS", 0.4), ("conversing.answering.LOOK_SECONDS", 0.05),
        ("conversing.answers.HEARD_SECONDS", 0.1), ("consumers.following.AGAIN_SECONDS", 0.1),
    ]:  # fmt: skip
        monkeypatch.setattr(f"chatbots.{name}", seconds)
    organisation_id = fund().organisation_id
    published(organisation_id, stop_when_alone=True)

    async def turn_of(response_id: str | None) -> Turn:
        live = await finding.by_name(organisation_id, "support")
        guest = Speaker(organisation_id, live.key_id, visitor_id="vis_1")
        if response_id is None:
            return await conversing.begin(live, guest, input=WORDS)
        found = await conversing.find(live, guest, response_id)
        assert found is not None
        return found

    async def make() -> dict[str, Any]:
        try:
            turn = await turn_of(None)
            if listens:
                pool.submit(asyncio.run, read(turn.response_id))
            return await turn.finished()
        finally:
            await draining.close_parts()

    async def read(response_id: str) -> None:
        """With a pool and a log of its own, as a process has."""
        try:
            async for _ in following.frames(await turn_of(response_id), -1):
                pass
        finally:
            await draining.close_parts()

    with ThreadPoolExecutor(1) as pool:
        assert asyncio.run(make())["status"] == status
