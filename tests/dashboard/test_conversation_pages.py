"""The inbox: filtered, searched, read without harm, flagged, noted, exported, forgotten."""

import csv
import html
import io
import re
from datetime import timedelta
from urllib.parse import parse_qsl

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEntry
from chatbots import making
from chatbots.author import SYSTEM
from chatbots.models import Chatbot, Conversation, Message, Visitor
from tests.cast import Person
from tests.dashboard.conftest import signed_in

CHEAP, DEAR = 391_000, 3_000_000  # nano-dollars


@pytest.fixture
def base(ada: Person) -> str:
    return f"/dashboard/{ada.organisation.slug}"


@pytest.fixture
def bot(ada: Person) -> Chatbot:
    return making.create(ada.organisation.id, SYSTEM, "support", "Support")


@pytest.fixture
def talk(bot: Chatbot) -> Conversation:
    return said(bot, "Do you repair <script>alert(1)</script> tents?", feedback="down")


def said(bot: Chatbot, question: str, cost: int = CHEAP, **of_answer: str) -> Conversation:
    common = {"organisation_id": bot.organisation_id}
    visitor = Visitor.objects.create(chatbot=bot, **common)
    chat: Conversation = Conversation.objects.create(
        chatbot=bot, visitor=visitor, messages_count=2, cost_nano=cost,
        origin="https://shop.example", **common,
    )  # fmt: skip
    Message.objects.create(conversation=chat, place=1, role="user", text=question, **common)
    Message.objects.create(
        conversation=chat, place=2, role="assistant", feedback_comment="wrong",
        text="**Yes.** ![x](https://evil.example/x.png) [a](javascript:alert(1))",
        sources=[{"file_id": "file-1", "filename": "tents.md", "number": 1, "chunk_id": 7}],
        response_id="resp_" + "5" * 32, **common, **of_answer,
    )  # fmt: skip
    return chat


def test_a_transcript_shows_text_and_runs_nothing(
    as_ada: Client, base: str, talk: Conversation
) -> None:
    page = as_ada.get(f"{base}/conversations/{talk.pk}").content.decode()
    assert "<strong>Yes.</strong>" in page
    assert "&lt;script&gt;alert(1)" in page
    answer = page.split('class="turn-text"')[2].split("meter-line")[0]
    assert "javascript:" not in answer.replace("(javascript:alert(1))", "")
    assert "<img" not in page
    assert "wrong" in page
    assert f'href="{base}/files/file-1?chunk=7#chunk-7"' in answer
    assert f'href="{base}/runs/resp_{"5" * 32}"' in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", True), ("?feedback=down", True), ("?feedback=up", False), ("?status=failed", False),
        ("?q=tents", True), ("?q=boots", False), ("?chatbot=support", True), ("?days=7", True),
        ("?flagged=true", False), ("?least_cost=0.0003", True), ("?least_cost=0.0004", False),
        ("?origin=https://shop.example", True), ("?origin=https://other.example", False),
        ("?days=forever&least_cost=cheap&chatbot=unknown&flagged=x&status=x&q=%00", True),
        ("?least_cost=3e-4", True), ("?least_cost=1e5", False),
    ],
)  # fmt: skip
def test_filters_leave_what_they_say(
    query: str, found: bool, as_ada: Client, base: str, talk: Conversation
) -> None:
    page = as_ada.get(f"{base}/conversations{query}").content.decode()
    assert (f"/conversations/{talk.pk}" in page) is found


@pytest.mark.parametrize(
    ("code", "shown"), [("de", "· German"), ("de-AT", "· German"), ("tlh", "· tlh")]
)
def test_the_language_of_a_conversation_has_a_name(
    as_ada: Client, base: str, talk: Conversation, code: str, shown: str
) -> None:
    Conversation.objects.filter(pk=talk.pk).update(locale=code)
    assert shown in as_ada.get(f"{base}/conversations/{talk.pk}").content.decode()


def chips(page: str) -> dict[str, tuple[str, bool]]:
    """Of the inbox's row of filters: where each leads, and whether it is on, by its words."""
    row = page.partition('id="filters"')[2].partition('id="list"')[0]
    found = re.findall(r'<a class="chip"\s+href="([^"]*)"([^>]*)>(.*?)</a>', row, re.DOTALL)
    return {words.strip(): (html.unescape(to), "aria-current" in on) for to, on, words in found}


def test_filters_are_links_that_are_taken_away_by_another_click(
    as_ada: Client, base: str, talk: Conversation
) -> None:
    usual = {"7 days": "?days=7", "Thumbs down": "?feedback=down", "Errors": "?status=failed"}
    shown = chips(as_ada.get(f"{base}/conversations").content.decode())
    assert shown == {words: (to, False) for words, to in usual.items()}
    asked = f"?feedback=down&days=30&least_cost=1e-4&visitor={talk.visitor_id}"
    shown = chips(as_ada.get(f"{base}/conversations{asked}").content.decode())
    on = {words for words, (_to, is_on) in shown.items() if is_on}
    assert on == {"Thumbs down", "30 days", "From $0.0001", f"Visitor {str(talk.visitor_id)[:12]}"}
    leads = {words: dict(parse_qsl(to[1:])) for words, (to, _is_on) in shown.items()}
    given = dict(parse_qsl(asked[1:]))
    assert leads["Thumbs down"] == {k: v for k, v in given.items() if k != "feedback"}
    assert leads["From $0.0001"] == {k: v for k, v in given.items() if k != "least_cost"}
    assert leads["7 days"] == given | {"days": "7"}
    assert not shown["7 days"][1]


def test_a_search_keeps_every_filter(as_ada: Client, base: str, talk: Conversation) -> None:
    asked = {"chatbot": "support", "days": "7", "feedback": "down", "least_cost": "0.0001"}
    page = as_ada.get(f"{base}/conversations", asked).content.decode()
    search, typed = re.findall(r"<form.*?</form>", page.split("pane-tools")[1], re.DOTALL)[:2]
    for name, value in asked.items():
        hidden = f'<input type="hidden" name="{name}" value="{value}">'
        assert hidden in search, name
        assert (hidden in typed) is (name != "least_cost"), name
    assert ">Support" in page.split("<summary")[2]


def test_neither_previews_nor_a_strangers_chats_are_listed(
    as_ada: Client, base: str, talk: Conversation, mallory: Person
) -> None:
    theirs = making.create(mallory.organisation.id, SYSTEM, "evil", "Evil")
    stranger = said(theirs, "tents")
    Conversation.objects.filter(pk=talk.pk).update(is_preview=True)
    page = as_ada.get(f"{base}/conversations?q=tents").content.decode()
    assert talk.pk not in page
    assert stranger.pk not in page
    assert as_ada.get(f"{base}/conversations/{stranger.pk}").status_code == 404


def test_what_is_flagged_and_noted_stands_there_again(
    as_ada: Client, base: str, talk: Conversation
) -> None:
    answer = as_ada.post(f"{base}/conversations/{talk.pk}/flag?days=7")
    assert answer["Location"].endswith(f"/conversations/{talk.pk}?days=7")
    as_ada.post(f"{base}/conversations/{talk.pk}/note", {"note": "Call \0 back <b>"})
    page = as_ada.get(f"{base}/conversations/{talk.pk}?flagged=true").content.decode()
    assert "Unflag" in page
    assert "Call  back &lt;b&gt;" in page


def test_an_export_has_each_message_that_the_filters_leave(
    as_ada: Client, base: str, bot: Chatbot, talk: Conversation
) -> None:
    dear = said(bot, "=cmd|' /C calc'!A0", cost=DEAR)
    told = as_ada.get(f"{base}/conversations/export?format=json&least_cost=0.003").json()["data"]
    assert [one["conversation"]["id"] for one in told] == [dear.pk]
    assert [one["role"] for one in told[0]["messages"]] == ["user", "assistant"]
    answer = as_ada.get(f"{base}/conversations/export?format=csv&q=tents")
    assert 'filename="conversations.csv"' in answer["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert [(line["conversation"], line["role"]) for line in lines] == [
        (talk.pk, "user"), (talk.pk, "assistant"),
    ]  # fmt: skip
    assert (lines[1]["feedback"], lines[1]["sources"]) == ("down", "tents.md")
    one = as_ada.get(f"{base}/conversations/{dear.pk}/export?format=csv").content.decode()
    assert "'=cmd" in one  # no formula


def test_a_visitor_is_forgotten_only_when_their_id_is_typed(
    as_ada: Client, base: str, bot: Chatbot, talk: Conversation
) -> None:
    other = said(bot, "Another visitor")
    visitor = talk.visitor_id
    as_ada.post(f"{base}/conversations/{talk.pk}/forget", {"visitor": other.visitor_id})
    assert Visitor.objects.filter(pk=visitor).exists()
    as_ada.post(f"{base}/conversations/{talk.pk}/forget", {"visitor": visitor})
    assert not Visitor.objects.filter(pk=visitor).exists()
    assert set(Message.objects.values_list("conversation_id", flat=True)) == {other.pk}
    assert AuditEntry.objects.filter(action="chatbot.visitor_deleted").exists()


def test_only_who_may_write_changes_conversations_of_their_own_team(
    as_ben: Client, as_ada: Client, base: str, talk: Conversation, mallory: Person
) -> None:
    own = f"/dashboard/{mallory.organisation.slug}"
    assert signed_in(mallory).get(f"{own}/conversations/{talk.pk}").status_code == 404
    for verb in ("flag", "note", "delete", "forget"):
        path = f"/conversations/{talk.pk}/{verb}"
        assert signed_in(mallory).post(own + path, {"visitor": talk.visitor_id}).status_code == 404
        assert as_ben.post(base + path, {"visitor": talk.visitor_id}).status_code == 403, verb
    assert as_ben.get(f"{base}/conversations/{talk.pk}").status_code == 200
    assert signed_in(mallory).get(f"{own}/conversations/{talk.pk}/export").status_code == 404
    assert signed_in(mallory).get(f"{own}/conversations/export").json()["data"] == []
    as_ada.post(f"{base}/conversations/{talk.pk}/delete")
    assert not Message.objects.filter(conversation_id=talk.pk).exists()


def test_older_conversations_follow_on_another_page(
    as_ada: Client, base: str, bot: Chatbot
) -> None:
    chats = [said(bot, f"Question {n}") for n in range(26)]
    Conversation.objects.filter(pk=chats[0].pk).update(
        last_message_at=timezone.now() - timedelta(days=1)
    )
    first = as_ada.get(f"{base}/conversations").content.decode()
    assert chats[0].pk not in first
    newest_of_rest = first.split("after=")[1].split('"')[0]
    second = as_ada.get(f"{base}/conversations?after={newest_of_rest}").content.decode()
    assert chats[0].pk in second


def polled(page: str, part: str) -> str:
    """The address that this part of the page asks again and again."""
    found = re.search(rf'id="{part}".*?hx-get="([^"]*)"', page, re.DOTALL)
    assert found
    return html.unescape(found[1])


def test_an_open_inbox_is_told_of_what_comes_and_of_nothing_else(
    as_ada: Client, base: str, bot: Chatbot, talk: Conversation
) -> None:
    page = as_ada.get(f"{base}/conversations/{talk.pk}?q=tents").content.decode()
    asked = polled(page, "list")
    assert as_ada.get(asked).status_code == 204
    said(bot, "Where are the boots?")
    assert as_ada.get(asked).status_code == 204  # the filter leaves it out
    newer = said(bot, "And the tents?")
    told = as_ada.get(asked).content.decode()
    assert told.index(newer.pk) < told.index(f'/conversations/{talk.pk}?q=tents"')
    assert told.count('aria-current="true"') == 1  # what is read stays marked
    assert "known=" not in told.split("<nav")[1]
    assert as_ada.get(polled(told, "list")).status_code == 204
    older = as_ada.get(f"{base}/conversations?after={newer.pk}").content.decode()
    assert 'hx-trigger="every' not in older.split('id="list"')[1].split(">")[0]


def test_a_conversation_that_goes_on_is_read_on(
    as_ada: Client, base: str, talk: Conversation
) -> None:
    page = as_ada.get(f"{base}/conversations/{talk.pk}").content.decode()
    asked = polled(page, "talk")
    assert as_ada.get(asked).status_code == 204
    Message.objects.create(
        conversation=talk, organisation_id=talk.organisation_id, place=3, role="user",
        text="And **when**?",
    )  # fmt: skip
    assert "<strong>when</strong>" in as_ada.get(asked).content.decode()
