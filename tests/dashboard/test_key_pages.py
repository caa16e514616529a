"""API keys in the browser: made, shown once, changed, rotated, revoked."""

import re
from typing import Any

from django.test import Client

from accounts.models import APIKey, Membership
from tests.cast import Person
from tests.dashboard.conftest import signed_in

NEW: dict[str, Any] = {
    "name": "Order service", "kind": "secret", "scopes": ["inference", "models:read"],
    "requests_per_minute": "60", "tokens_per_minute": "150000", "budget": "10",
    "budget_period": "month", "lives": "", "cidrs": "", "allowed_models": "", "once": "a",
}  # fmt: skip
SECRET = re.compile(r"sk-[0-9A-Za-z]{42}")


def address(person: Person, rest: str = "") -> str:
    return f"/dashboard/{person.organisation.slug}/api-keys{rest}"


def made(person: Person) -> APIKey:
    return APIKey.objects.get(organisation=person.organisation, name="Order service")


def test_a_new_key_is_shown_once_and_opens_the_api(as_ada: Client, ada: Person) -> None:
    answer = as_ada.post(address(ada), NEW)
    shown = SECRET.findall(answer.content.decode())
    assert len(shown) == 1
    assert not SECRET.search(as_ada.get(address(ada)).content.decode())
    called = Client().get("/v1/me", headers={"authorization": f"Bearer {shown[0]}"})
    assert called.json()["api_key"]["scopes"] == ["inference", "models:read"]
    key = made(ada)
    assert (key.budget_nano, key.budget_period, key.created_by) == (10 * 10**9, "month", ada.user)


def test_a_form_that_is_sent_again_makes_no_second_key(as_ada: Client, ada: Person) -> None:
    as_ada.post(address(ada), NEW)
    again = as_ada.post(address(ada), NEW)
    assert again.status_code == 302
    assert APIKey.objects.filter(name="Order service").count() == 1


def test_what_is_wrong_stands_at_its_field_which_has_the_focus(as_ada: Client, ada: Person) -> None:
    answer = as_ada.post(address(ada), {**NEW, "budget": "a lot"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="Order service"' in page
    assert re.search(r'<input[^>]*name="budget"[^>]*autofocus', page)
    assert "decimal string" in page
    assert not APIKey.objects.filter(name="Order service").exists()


def test_a_developer_hands_on_no_more_than_their_role_has(ada: Person, ben: Person) -> None:
    Membership.objects.filter(user=ben.user).update(role=Membership.Role.DEVELOPER)
    answer = signed_in(ben).post(address(ben), {**NEW, "scopes": ["billing:write"]})
    assert answer.status_code == 422
    assert not APIKey.objects.filter(name="Order service").exists()


def test_a_key_is_changed_rotated_and_revoked(as_ada: Client, ada: Person) -> None:
    as_ada.post(address(ada), NEW)
    key = made(ada)
    changed = as_ada.post(address(ada, f"/{key.id}"), {**NEW, "requests_per_minute": "7"})
    assert changed.status_code == 302
    key.refresh_from_db()
    assert key.requests_per_minute == 7
    rotated = as_ada.post(address(ada, f"/{key.id}/rotate"), {"once": "b"})
    assert SECRET.search(rotated.content.decode())
    key.refresh_from_db()
    assert key.replaced_by is not None
    as_ada.post(address(ada, f"/{key.replaced_by.id}/revoke"))
    assert not APIKey.objects.get(pk=key.replaced_by.id).is_usable(key.created_at)


def test_a_strangers_key_is_unknown(as_ada: Client, ada: Person, mallory: Person) -> None:
    theirs = APIKey.objects.get(organisation=mallory.organisation)
    for rest in (f"/{theirs.id}", f"/{theirs.id}/rotate", f"/{theirs.id}/revoke"):
        assert as_ada.post(address(ada, rest), {**NEW, "once": rest}).status_code == 404
    assert APIKey.objects.get(pk=theirs.pk).revoked_at is None


def test_the_list_is_searched_and_filtered_by_its_address(as_ada: Client, ada: Person) -> None:
    as_ada.post(address(ada), NEW)
    assert "First key" not in as_ada.get(address(ada), {"q": "order"}).content.decode()
    assert "Nothing fits" in as_ada.get(address(ada), {"state": "revoked"}).content.decode()
