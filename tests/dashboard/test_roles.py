"""What each role finds in the rail and behind the addresses."""

import pytest
from django.test import Client

from accounts.models import Membership
from tests.cast import Person

KEPT_FROM_ANALYSTS = ("api-keys", "files", "team", "audit")


@pytest.mark.parametrize("page", KEPT_FROM_ANALYSTS)
def test_an_analyst_is_refused_by_address_and_finds_no_entry(
    as_ben: Client, ben: Person, page: str
) -> None:
    address = f"/dashboard/{ben.organisation.slug}/{page}"
    refused = as_ben.get(address)
    assert refused.status_code == 403
    assert "Your role (Analyst)" in refused.content.decode()
    assert (
        address not in as_ben.get(f"/dashboard/{ben.organisation.slug}/overview").content.decode()
    )


def test_an_owner_finds_every_entry(as_ada: Client, ada: Person) -> None:
    rail = as_ada.get(f"/dashboard/{ada.organisation.slug}/overview").content.decode()
    for page in (*KEPT_FROM_ANALYSTS, "usage", "runs", "billing", "models", "docs"):
        assert f'href="/dashboard/{ada.organisation.slug}/{page}"' in rail


@pytest.mark.parametrize(
    "form", ["billing/top-up", "billing/code", "billing/alert", "billing/cap", "billing/auto"]
)
def test_who_may_not_pay_cannot_send_the_forms_either(
    as_ben: Client, ben: Person, form: str
) -> None:
    answer = as_ben.post(f"/dashboard/{ben.organisation.slug}/{form}", {"amount": "5"})
    assert answer.status_code == 403


def test_a_member_who_was_removed_finds_nothing_any_more(as_ben: Client, ben: Person) -> None:
    address = f"/dashboard/{ben.organisation.slug}/overview"
    assert as_ben.get(address).status_code == 200
    Membership.objects.filter(user=ben.user).delete()
    assert as_ben.get(address).status_code == 404
    assert "No team yet" in as_ben.get("/dashboard/").content.decode()


def test_a_form_without_its_token_changes_nothing(ada: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada.user)
    answer = client.post(f"/dashboard/{ada.organisation.slug}/api-keys", {"name": "x"})
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.content.decode()
    assert ada.organisation.api_keys.count() == 1
