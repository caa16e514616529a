"""What is forgotten and when; an answer whose process is gone says so."""

from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from chatbots import conversing, retention
from chatbots.finding import Live
from chatbots.models import Conversation, Message, Seen, Visitor
from tests.chatbots.conftest import Publish, visitor


async def aged(live: Live, **age: float) -> str:
    """A finished conversation of so long ago."""
    turn = await conversing.begin(live, visitor(live), input="hello")
    await turn.finished()
    moment = timezone.now() - timedelta(**age)
    await Conversation.objects.filter(pk=turn.conversation_id).aupdate(last_message_at=moment)
    await Visitor.objects.aupdate(last_seen=moment)
    return turn.conversation_id


async def left() -> set[str]:
    return {chat.id async for chat in Conversation.objects.all()}


@pytest.mark.parametrize(("days", "kept"), [(30, False), (32, True), (None, True)])
async def test_a_conversation_goes_when_its_days_are_over(
    publish: Publish, days: int | None, kept: bool
) -> None:
    live = await publish(retention_days=days)
    await aged(live, days=31)
    await sync_to_async(retention.purge)()
    assert bool(await left()) is kept
    assert await Message.objects.aexists() is kept
    assert await Visitor.objects.aexists() is kept


async def test_a_chatbot_that_keeps_nothing_forgets_within_the_hour(publish: Publish) -> None:
    live = await publish(retention_days=0)
    await aged(live, minutes=31)
    recent = await aged(live, minutes=5)
    await sync_to_async(retention.keep_nothing)()
    assert await left() == {recent}


async def test_sites_that_never_came_back_are_forgotten(support: Live) -> None:
    await conversing.seen(support, "https://old.example", "widget/1", False)
    await Seen.objects.aupdate(last_seen=timezone.now() - timedelta(days=91))
    await conversing.seen(support, "https://new.example", "widget/1", True)
    await conversing.seen(support, "https://new.example", "", True)
    await sync_to_async(retention.purge)()
    site: Any = await Seen.objects.aget()
    assert (site.origin, site.refused, site.client_version) == (
        "https://new.example", 2, "widget/1",
    )  # fmt: skip


@pytest.mark.parametrize(("text", "status"), [("Half a sen", "incomplete"), ("", "failed")])
async def test_an_answer_that_lost_its_process_says_so_and_the_conversation_goes_on(
    support: Live, text: str, status: str
) -> None:
    guest = visitor(support)
    turn = await conversing.begin(support, guest, input="hello")
    await turn.finished()
    await Message.objects.filter(pk=turn.message_id).aupdate(
        status="in_progress", body=None, text=text, model="", cost_nano=0,
        touched_at=timezone.now() - timedelta(seconds=11),
    )  # fmt: skip
    assert await sync_to_async(retention.end_lost)() == 1
    message = await Message.objects.aget(pk=turn.message_id)
    assert (message.status, message.error_code) == (status, "server_error")
    assert message.cost_nano > 0
    found = await conversing.find(support, guest, turn.response_id)
    assert found is not None
    told = await found.finished()
    assert (told["status"], told["error"]["code"]) == ("failed", "server_error")
    said = [item["content"][0]["text"] for item in told["output"]]
    assert said == ([text] if text else [])
    await conversing.begin(support, guest, input="again", conversation_id=turn.conversation_id)
