"""Two of one chatbot beside each other: what each side tries, and who may."""

import re
from html import unescape

import pytest
from django.test import Client

from chatbots import visitor_tokens
from chatbots.models import Chatbot
from chatbots.visitor_tokens import Preview
from inference.models import ServedModel
from tests.cast import Person

TOKEN = re.compile(r'preview="([^"]+)"')
RENEWAL = re.compile(r'data-url="([^"]+)"')


@pytest.fixture
def page(as_ada: Client, ada: Person) -> str:
    ServedModel.objects.create(
        id="tiny",
        engine="scripted:",
        context_window=64,
        capabilities=["chat"],
        state=ServedModel.State.INSTALLED,
    )
    as_ada.post(
        f"/dashboard/{ada.organisation.slug}/chatbots/new",
        {"title": "Support", "template": "support"},
    )
    return f"/dashboard/{ada.organisation.slug}/chatbots/support/compare"


def tried(html: str) -> list[Preview]:
    return [visitor_tokens.read_preview(token) for token in TOKEN.findall(html)]


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("", ("draft", "live")),
        ("?one=live&other=draft:tiny", ("live", "draft:tiny")),
        ("?one=live&other=live", ("live", "draft")),
        ("?one=draft:nobody%00s&other=v7", ("draft", "live")),
    ],
)
def test_each_side_tries_what_was_chosen_for_it(
    as_ada: Client, ada: Person, page: str, asked: str, shown: tuple[str, str]
) -> None:
    one, other = tried(as_ada.get(page + asked).content.decode())
    assert (one.of, other.of) == shown
    bot = Chatbot.objects.get(name="support")
    assert {(each.organisation_id, each.chatbot_id, each.user_id) for each in (one, other)} == {
        (ada.organisation.id, bot.id, ada.user.id)
    }
    assert one.talk != other.talk


def test_a_pair_has_conversations_of_its_own(as_ada: Client, page: str) -> None:
    pairs = ("", "?other=draft:tiny", "?one=live&other=draft")
    talks = [each.talk for pair in pairs for each in tried(as_ada.get(page + pair).text)]
    assert len(set(talks)) == 2 * len(pairs)


def test_a_side_goes_on_with_what_it_tries_when_its_token_is_renewed(
    as_ada: Client, page: str
) -> None:
    html = as_ada.get(f"{page}?one=draft:tiny").content.decode()
    for begun, address in zip(tried(html), RENEWAL.findall(html), strict=True):
        renewed = as_ada.get(unescape(address)).content.decode()
        (token,) = re.findall(r'data-token="([^"]+)"', renewed)
        assert visitor_tokens.read_preview(token) == begun


def test_an_analyst_compares_nothing_and_a_stranger_finds_nothing(
    as_ben: Client, mallory: Person, page: str
) -> None:
    assert as_ben.get(page).status_code == 403
    stranger = Client()
    stranger.force_login(mallory.user)
    assert stranger.get(page).status_code == 404
