"""A list without a row says what to do: the first step, or the way back from a search."""

import pytest
from django.test import Client

from tests.cast import Person

BACK = '<a class="button" href="?">Show all</a>'


@pytest.mark.parametrize("page", ["runs", "audit", "files", "api-keys", "team", "chatbots"])
def test_a_search_that_finds_nothing_leads_back_to_all(
    as_ada: Client, ada: Person, page: str
) -> None:
    path = f"/dashboard/{ada.organisation.slug}/{page}"
    searched = as_ada.get(path, {"q": "nothing-is-called-so"}).text
    assert BACK in searched
    assert "Make the first call" not in searched
    assert "Drop the first one above" not in searched
    assert BACK not in as_ada.get(path).text


def test_a_team_without_a_run_is_led_to_its_first_call(as_ada: Client, ada: Person) -> None:
    assert "Make the first call" in as_ada.get(f"/dashboard/{ada.organisation.slug}/runs").text
