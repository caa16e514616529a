"""A run's page tells what was asked, found, called and answered; to those who may read it."""

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from api import ids
from billing import topping_up
from billing.models import Price
from chatbots import making, versions
from chatbots.author import SYSTEM
from chatbots.models import Chatbot, Conversation, Message
from tests.cast import Person
from tests.dashboard.conftest import signed_in

SOURCE = {
    "file_id": "file-1", "filename": "tents.md", "number": 1, "chunk_id": 7, "score": 0.8,
    "quote": "We mend any tent.", "page": None,
}  # fmt: skip
CALL = {"type": "function_call", "name": "find_order", "arguments": '{"number": 7}'}


@pytest.fixture
def bot(ada: Person) -> Chatbot:
    topping_up.top_up(ada.organisation, 10**9, "runs")
    made = making.create(
        ada.organisation.id, SYSTEM, "support", configuration={"temperature": 0.25}
    )
    versions.publish(made, SYSTEM)
    return made


@pytest.fixture
def digits(bot: Chatbot) -> str:
    """Of a call of the chatbot, whose conversation is kept."""
    generation = ids.new("gen")
    digits = generation.removeprefix("gen_")
    lately = timezone.now() - timedelta(minutes=1)
    Price.objects.create(
        model="tiny", input=50_000, cached_input=50_000, output=100_000, effective_from=lately
    )
    asked = {
        "id": generation, "organisation": bot.organisation_id, "key": bot.publishable_key_id,
        "meter": bot.id, "chatbot": bot.id, "chatbot_day": None, "chatbot_month": None,
        "model": "tiny", "tier": "standard", "prompt": 10, "max_output": 100, "choices": 1,
        "least_output": 16, "budget": None, "period": None,
    }  # fmt: skip
    closing = {
        "id": generation, "state": "settled", "prompt": 10, "cached": 0, "completion": 4,
        "finish": "stop", "first_token_ms": 70, "duration_ms": 300,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("SELECT outcome FROM ledger_hold(%s::jsonb)", [json.dumps([asked])])
        assert cursor.fetchone() == ("held",)
        cursor.execute("SELECT * FROM ledger_close(%s::jsonb)", [json.dumps([closing])])
    common = {"organisation_id": bot.organisation_id, "response_id": f"resp_{digits}"}
    chat = Conversation.objects.create(organisation_id=bot.organisation_id, chatbot=bot)
    Message.objects.create(conversation=chat, place=1, role="user", text="Mend tents?", **common)
    Message.objects.create(
        conversation=chat, place=2, role="assistant", text="Yes, any.", version=1,
        sources=[SOURCE], body={"output": [CALL]}, **common,
    )  # fmt: skip
    return digits


def test_a_chatbots_run_shows_its_settings_knowledge_and_calls(
    as_ada: Client, ada: Person, digits: str
) -> None:
    for seen in (f"gen_{digits}", f"resp_{digits}", f"req_{digits}"):
        answer = as_ada.get(f"/dashboard/{ada.organisation.slug}/runs/{seen}")
        assert answer.status_code == 200, seen
    page = answer.content.decode()
    for words in (
        "Mend tents?", "Yes, any.", "&quot;temperature&quot;: 0.25", "We mend any tent.",
        "files/file-1?chunk=7", "find_order", "{&quot;number&quot;: 7}",
    ):  # fmt: skip
        assert words in page, words


def test_who_may_not_read_files_is_led_to_none(as_ben: Client, ada: Person, digits: str) -> None:
    page = as_ben.get(f"/dashboard/{ada.organisation.slug}/runs/gen_{digits}").content.decode()
    assert "We mend any tent." in page
    assert "files/file-1" not in page


def test_a_stranger_finds_no_run(mallory: Person, digits: str) -> None:
    own = f"/dashboard/{mallory.organisation.slug}"
    assert signed_in(mallory).get(f"{own}/runs/gen_{digits}").status_code == 404
