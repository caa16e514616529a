"""Every page opens for a team that has done nothing yet."""

import re

import pytest
from django.test import Client
from pytest_django import Settings

from billing import pricing, topping_up
from chatbots import making
from chatbots.author import SYSTEM
from inference import catalog, defaults, prices
from tests.browser.pages import TEAM_PAGES
from tests.cast import Person

PAGES = {name: path for name, path in TEAM_PAGES.items() if not name.startswith("chatbot-")}


@pytest.mark.parametrize("name", [name for name in PAGES if name != "chatbot"])
def test_a_page_without_a_past_opens(name: str, as_ada: Client, ada: Person) -> None:
    defaults.ensure()
    answer = as_ada.get(f"/dashboard/{ada.organisation.slug}/{PAGES[name]}")
    assert answer.status_code == 200


def test_whoever_has_no_account_reads_what_one_begins_with(
    client: Client, db: None, settings: Settings
) -> None:
    settings.SIGNUP, settings.STARTER_CREDIT_NANO = "open", 10**9
    assert "it starts with $1.00 of credit" in client.get("/accounts/login/").text
    prices.set_price(catalog.DEFAULT_MODEL, pricing.Price(60_000, 60_000, 180_000))
    page = client.get("/accounts/login/").text
    assert "it starts with $1.00, enough for about 8,000 short answers" in page
    german = client.get("/accounts/login/", headers={"accept-language": "de"}).text
    assert "genug für etwa 8.000 kurze Antworten" in german


def test_a_new_team_reads_what_it_begins_with(as_ada: Client, ada: Person) -> None:
    overview = f"/dashboard/{ada.organisation.slug}/overview"
    assert "Your team starts with" not in as_ada.get(overview).text
    topping_up.grant_starter_credit(ada.organisation, 10**9)
    before = as_ada.get(overview).text
    assert "short answers" not in before  # of a model without a price nobody knows how many
    prices.set_price(catalog.DEFAULT_MODEL, pricing.Price(60_000, 60_000, 180_000))
    page = re.sub(r"<[^>]*>|\s+", " ", as_ada.get(overview).text)
    words = "Your team starts with $1.00 . That is about 8,000 short answers on "
    assert f"{words}{catalog.DEFAULT_MODEL}." in re.sub(" +", " ", page)
    assert page.count("Nothing measured yet") == 4
    german = as_ada.get(overview, headers={"accept-language": "de"}).text
    assert "etwa 8.000 kurze Antworten" in german
    making.create(ada.organisation.id, SYSTEM, "support", "Support")
    assert "Your team starts with" not in as_ada.get(overview).text
