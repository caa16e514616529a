"""The passages of a chatbot's own files that a question may be answered from."""

from collections.abc import Sequence
from typing import Final

from chatbots.finding import Live
from inference.engines.base import Message
from knowledge import search
from knowledge.schemas import LONGEST_QUERY
from knowledge.search import Passage

FEW_WORDS: Final = 4
"""A question as short as this goes on from the one before: it is searched with it."""


async def passages(live: Live, newest: str, history: Sequence[Message]) -> list[Passage]:
    most = live.configuration.knowledge.top_k
    if not most or not live.store_id:
        return []
    query = question(newest, history)[:LONGEST_QUERY]
    return await search.passages(live.organisation_id, [live.store_id], query, most)


def question(newest: str, history: Sequence[Message]) -> str:
    before = next((said.content for said in reversed(history) if said.role == "user"), "")
    return f"{before} {newest}" if before and len(newest.split()) < FEW_WORDS else newest
