"""The list of chatbots: sums of what it shows, a count for each state, a count in the rail."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from billing.models import ChatbotWindow
from chatbots import making, states, versions
from chatbots.author import SYSTEM
from chatbots.models import Chatbot, Conversation, Message
from tests.cast import Person


@pytest.fixture
def base(ada: Person) -> str:
    return f"/dashboard/{ada.organisation.slug}"


@pytest.fixture
def bot(ada: Person) -> Chatbot:
    made = making.create(ada.organisation.id, SYSTEM, "support", "Support")
    versions.publish(made, SYSTEM, "The first")
    return made


def test_the_list_sums_what_it_shows(as_ada: Client, base: str, bot: Chatbot) -> None:
    for query, there in (
        ("", True),
        ("?state=live", True),
        ("?state=paused", False),
        ("?q=zz", False),
    ):
        page = as_ada.get(f"{base}/chatbots{query}").content.decode()
        assert (f"{base}/chatbots/{bot.name}/" in page) is there, query
        assert ("1 chatbot</th>" in page) is there


def test_a_chatbot_is_in_one_state_and_each_state_is_counted(
    as_ada: Client, base: str, bot: Chatbot
) -> None:
    making.create(bot.organisation_id, SYSTEM, "waiting", "Waiting")
    making.change(bot, configuration={"budget": {"day_usd": "0.5"}})
    versions.publish(bot, SYSTEM, "With a budget")
    today = states.day_start()
    for period, start in (("day", today), ("month", today.replace(day=1))):
        ChatbotWindow.objects.create(
            organisation_id=bot.organisation_id, chatbot_id=bot.id, period=period,
            starts_at=start, spent=10**9,
        )  # fmt: skip
    told = {"live": 0, "draft": 1, "paused": 0, "over_budget": 1}
    for state, count in told.items():
        page = as_ada.get(f"{base}/chatbots?state={state}").content.decode()
        listed = page.split("<tbody>")[1].split("</tbody>")[0] if count else ""
        assert listed.count("<tr>") == count, state
        assert (f"/chatbots/{bot.name}/" in listed) is (state == "over_budget")
    chips = re.findall(r'<a class="chip"[^>]*>(.*?)</a>', page)
    assert chips == ["Live 0", "Draft only 1", "Paused 0", "Over budget 1"]


def test_the_rail_counts_the_teams_chatbots(
    as_ada: Client, as_ben: Client, base: str, bot: Chatbot, mallory: Person
) -> None:
    making.create(mallory.organisation.id, SYSTEM, "evil", "Evil")
    for client in (as_ada, as_ben):
        page = client.get(f"{base}/overview").content.decode()
        rail = page.split('class="frame-rail"')[1].split('class="frame-foot"')[0]
        assert re.search(r"Chatbots\s*<span class=\"nav-count push\">1</span>", rail)


def test_thumbs_of_a_month_are_counted_by_chatbot(
    as_ada: Client, base: str, bot: Chatbot, mallory: Person
) -> None:
    other = making.create(bot.organisation_id, SYSTEM, "waiting", "Waiting")
    theirs = making.create(mallory.organisation.id, SYSTEM, "evil", "Evil")
    for chatbot, thumbs in ((bot, "up up up down"), (theirs, "down down"), (other, "")):
        chat = Conversation.objects.create(organisation=chatbot.organisation, chatbot=chatbot)
        for place, thumb in enumerate([*thumbs.split(), "old", None]):
            message = Message.objects.create(
                organisation=chatbot.organisation, conversation=chat, place=place, role="assistant",
                text="Hi", feedback="down" if thumb == "old" else thumb,
            )  # fmt: skip
            if thumb == "old":
                ago = timezone.now() - timedelta(days=31)
                Message.objects.filter(pk=message.pk).update(created_at=ago)
    rows = as_ada.get(f"{base}/chatbots").context["rows"]
    assert {row.chatbot.name: row.liked for row in rows} == {bot.name: 0.75, "waiting": None}
