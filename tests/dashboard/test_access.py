"""Who may open a team's pages."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from dashboard.urls import pages
from tests.cast import Person

FORMS = {
    "file-upload", "billing-top-up", "billing-code", "billing-alert", "billing-cap", "billing-auto",
    "usage-view-save", "usage-view-forget",
}  # fmt: skip
"""Only sent, never read."""
PLAIN_PAGES = [pattern.name for pattern in pages if pattern.name and not pattern.pattern.converters]


def opened(client: Client, name: str, slug: str) -> Any:
    address = reverse(f"dashboard:{name}", args=[slug])
    return client.post(address) if name in FORMS else client.get(address)


@pytest.mark.parametrize("name", PLAIN_PAGES)
def test_a_stranger_is_asked_to_sign_in(name: str, ada: Person) -> None:
    answer = opened(Client(), name, ada.organisation.slug)
    assert (answer.status_code, answer["Location"].split("?")[0]) == (302, "/accounts/login/")


@pytest.mark.parametrize("name", PLAIN_PAGES)
def test_another_teams_page_is_as_unknown_as_one_that_never_was(
    name: str, as_ada: Client, mallory: Person
) -> None:
    for slug in (mallory.organisation.slug, "nobody"):
        answer = opened(as_ada, name, slug)
        assert answer.status_code == 404
        assert mallory.organisation.name not in answer.content.decode()


def test_the_dashboard_opens_the_team_that_was_open_last(as_ada: Client, ada: Person) -> None:
    answer = as_ada.get("/dashboard/", follow=True)
    assert answer.redirect_chain[-1][0] == f"/dashboard/{ada.organisation.slug}/overview"
    assert "Ada&#x27;s bakery" in answer.content.decode()


def test_pages_are_kept_by_nobody_and_run_under_the_strictest_policy(
    as_ada: Client, ada: Person
) -> None:
    answer = as_ada.get(f"/dashboard/{ada.organisation.slug}/overview")
    assert answer["Cache-Control"] == "private, no-store"
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "default-src 'none'" in answer["Content-Security-Policy"]
