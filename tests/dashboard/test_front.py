"""The public home: commands, prices of the catalog, the demo chatbot, and who may sign up."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from billing import pricing, topping_up
from billing.models import Price
from chatbots import making
from dashboard import front
from inference import defaults, prices
from inference.models import ServedModel
from tests.browser import seeding
from tests.cast import Person
from tests.chatbots.conftest import ADA, published

MOST_QUERIES = 6


@pytest.fixture(autouse=True)
def fresh(db: None) -> Iterator[None]:
    cache.clear()
    defaults.ensure()
    yield
    cache.clear()


def page() -> str:
    return Client().get("/").content.decode()


def test_the_commands_are_the_real_ones_and_three_languages_stand_there_without_scripts() -> None:
    shown = page()
    for words in (
        "make run",
        "make test",
        "/v1/chat/completions",
        "from smarter import",
        "data-bot",
    ):
        assert words in shown
    assert 'type="radio"' in shown


def test_every_priced_model_shows_the_price_in_force() -> None:
    before = page()
    prices.set_price("smarter-mini", pricing.Price(7_000_000, 7_000_000, 9_500_000))
    after = page()
    assert "$7.000" not in before
    assert "$7.000" in after
    assert "$9.500" in after
    rows = re.findall(r'<th scope="row">\s*([^<\s]+)', after)
    assert set(rows) == set(ServedModel.objects.values_list("id", flat=True))
    assert rows[0] == "smarter-mini"  # what is up comes first


def test_a_strangers_own_model_is_nobody_elses_business(ada: Person) -> None:
    ServedModel.objects.create(id="ours", organisation=ada.organisation, context_window=10)
    prices.set_price("ours", pricing.Price(1, 1, 1))
    assert "ours" not in re.findall(r'<th scope="row">\s*([^<\s]+)', page())


def test_the_demo_stands_there_while_it_is_live_and_named(ada: Person, settings: Settings) -> None:
    assert "<chat-widget" not in page()
    chatbot = published(ada.organisation.id, "guide")
    settings.DEMO_CHATBOT = chatbot.slug
    assert f'key="{chatbot.publishable_text}"' in page()
    making.pause(chatbot, ADA)
    assert "<chat-widget" not in page()
    making.resume(chatbot, ADA)
    settings.DEMO_CHATBOT = ""
    assert "<chat-widget" not in page()


@pytest.mark.parametrize(("policy", "invites"), [("open", True), ("invite", False)])
def test_signing_up_is_offered_only_where_it_is_open(
    settings: Settings, policy: str, invites: bool
) -> None:
    settings.SIGNUP = policy
    settings.STARTER_CREDIT_NANO = 2_500_000_000
    shown = page()
    assert ("/accounts/signup/" in shown) is invites
    assert ("Start with $2.50 of credit" in shown) is invites


def test_a_visit_asks_few_questions() -> None:
    page()
    with CaptureQueriesContext(connection) as asked:
        page()
    assert len(asked) <= MOST_QUERIES


def test_a_speed_is_shown_from_enough_calls_on(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    lately = timezone.now() - timedelta(seconds=30)  # a test is one transaction: its now is past
    for model in ServedModel.objects.values_list("id", flat=True):
        Price.objects.create(model=model, input=1, cached_input=1, output=1, effective_from=lately)
    topping_up.top_up(ada.organisation, 100 * 10**9, "front")
    seeding.fill(ada.organisation.slug, calls_a_day=2)
    monkeypatch.setattr(front, "FEWEST_CALLS", 1)
    assert front._measured()
    monkeypatch.setattr(front, "FEWEST_CALLS", 20)
    assert not front._measured()
