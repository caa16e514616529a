"""Webhooks of chats: answers and ratings are told once, to who asked for them; no preview is."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import WebhookDelivery, WebhookEndpoint
from chatbots import conversing
from chatbots.finding import Live
from tests.chatbots.conftest import visitor

pytestmark = pytest.mark.usefixtures("money")


def wanted(live: Live, *events: str) -> None:
    WebhookEndpoint.objects.create(
        organisation_id=live.organisation_id, url="https://shop.example", events=list(events)
    )


def told() -> list[dict[str, Any]]:
    return [json.loads(each.body) for each in WebhookDelivery.objects.order_by("created_at")]


async def test_an_answer_and_its_rating_are_told(support: Live) -> None:
    await sync_to_async(wanted)(support, "chatbot.message", "chatbot.feedback")
    ada = visitor(support)
    turn = await conversing.begin(
        support, ada, input="Hello", conversation_id=None, event_id=None, metadata=None
    )
    await turn.finished()
    answer = (await conversing.items(support, ada, turn.conversation_id, None, 10))[-1]
    await conversing.feedback(support, ada, answer["id"], "down", "wrong")
    message, feedback = await sync_to_async(told)()
    assert message["type"] == "chatbot.message"
    assert message["data"] == {
        "chatbot": support.chatbot_id, "conversation": turn.conversation_id,
        "message": answer["id"], "status": "completed", "text": answer["content"][0]["text"],
    }  # fmt: skip
    assert feedback["data"] == {
        "chatbot": support.chatbot_id, "message": answer["id"], "rating": "down",
        "comment": "wrong",
    }  # fmt: skip


async def test_nobody_is_told_of_what_they_did_not_ask_for(support: Live) -> None:
    await sync_to_async(wanted)(support, "balance.low")
    turn = await conversing.begin(
        support, visitor(support), input="Hi", conversation_id=None, event_id=None, metadata=None
    )
    await turn.finished()
    assert await sync_to_async(told)() == []
