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
SECONDS = {
    "conversing.answering.ALONE_SECONDS": 0.4,
    "conversing.answering.LOOK_SECONDS": 0.05,
    "conversing.answers.HEARD_SECONDS": 0.1,
    "consumers.following.AGAIN_SECONDS": 0.1,
}


@pytest.fixture
def organisation_id(transactional_db: None, fund: Fund, monkeypatch: pytest.MonkeyPatch) -> str:
    """It has a chatbot whose answers soon end when they are alone."""
    for name, seconds in SECONDS.items():
        monkeypatch.setattr(f"chatbots.{name}", seconds)
    made = fund().organisation_id
    published(made, stop_when_alone=True)
    return made


@pytest.mark.parametrize(("listens", "status"), [(True, "completed"), (False, "cancelled")])
def test_it_hears_of_listeners_in_other_processes(
    organisation_id: str, listens: bool, status: str
) -> None:
    with ThreadPoolExecutor(1) as others:
        made = asyncio.run(answer(organisation_id, others if listens else None))
    assert made["status"] == status


async def answer(organisation_id: str, others: ThreadPoolExecutor | None) -> dict[str, Any]:
    """It is made here, and read by `others`."""
    try:
        turn = await turn_of(organisation_id, None)
        if others:
            others.submit(asyncio.run, read(organisation_id, turn.response_id))
        return await turn.finished()
    finally:
        await draining.close_parts()


async def read(organisation_id: str, response_id: str) -> None:
    """With a pool and a log of its own, as a process has."""
    try:
        async for _ in following.frames(await turn_of(organisation_id, response_id), -1):
            pass
    finally:
        await draining.close_parts()


async def turn_of(organisation_id: str, response_id: str | None) -> Turn:
    live = await finding.by_name(organisation_id, "support")
    guest = Speaker(organisation_id, live.key_id, visitor_id="vis_1")
    if response_id is None:
        return await conversing.begin(live, guest, input=WORDS)
    found = await conversing.find(live, guest, response_id)
    assert found is not None
    return found
