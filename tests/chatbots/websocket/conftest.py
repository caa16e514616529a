"""A chatbot, and conversations that the test itself answers."""

from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async

from chatbots import conversing
from chatbots.consumers import counting, tabs
from tests.chatbots.websocket import bots
from tests.chatbots.websocket.bots import Bot
from tests.chatbots.websocket.fake_conversing import Book


@pytest.fixture
async def bot(async_db: None) -> AsyncIterator[Bot]:
    """Published; at the end no socket is counted any more."""
    yield await sync_to_async(bots.made)()
    await tabs.close()
    assert counting.in_all() == 0


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> Book:
    written = Book()
    for verb in conversing.__all__:
        if hasattr(written, verb):
            monkeypatch.setattr(conversing, verb, getattr(written, verb))
    return written
