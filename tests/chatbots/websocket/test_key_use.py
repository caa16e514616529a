"""A publishable key is marked as used by the site that opened a chat, never by a visitor."""

import pytest

from accounts import last_use
from accounts.models import APIKey
from api import database
from tests.chatbots.websocket.bots import ORIGIN, Bot
from tests.chatbots.websocket.wires import opened, session_of

pytestmark = pytest.mark.usefixtures("book")


async def test_a_chat_that_opens_marks_its_key_as_used(bot: Bot) -> None:
    last_use.forget_all()
    async with opened(bot) as wire:
        await session_of(wire)
    await database.close()
    key = await APIKey.objects.aget(kind=APIKey.Kind.PUBLISHABLE)
    assert key.last_used_at is not None
    assert (key.last_used_from, key.last_used_by) == ("", ORIGIN)


async def test_a_site_that_is_refused_does_not(bot: Bot) -> None:
    last_use.forget_all()
    async with opened(bot, origin="https://elsewhere.example") as wire:
        await wire.refused()
    await database.close()
    key = await APIKey.objects.aget(kind=APIKey.Kind.PUBLISHABLE)
    assert key.last_used_at is None
