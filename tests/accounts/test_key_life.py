"""A key that has ended stays ended, and a rotation renews neither a budget nor a limit."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.authentication import authenticate
from accounts.models import APIKey, AuditEntry
from accounts.scopes import ALL
from tests.accounts.conftest import ClientOf
from tests.cast import Person


@pytest.fixture
def http(ada: Person, client_of: ClientOf) -> APIClient:
    return client_of(ada.key)


def create(http: APIClient, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = http.post("/v1/api_keys", {"name": "x", **fields}, format="json").json()
    return made


def rotate(http: APIClient, key: dict[str, Any]) -> dict[str, Any]:
    answer = http.post(f"/v1/api_keys/{key['id']}/rotations")
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


@pytest.mark.parametrize("end", ["rotated", "revoked", "expired"])
@pytest.mark.parametrize(
    "wish", [{"expires_at": None}, {"expires_at": "2990-01-01T00:00:00Z"}, {"name": "renamed"}]
)
def test_a_key_that_has_ended_cannot_be_changed(
    http: APIClient, end: str, wish: dict[str, Any]
) -> None:
    key = create(http)
    if end == "rotated":
        rotate(http, key)
    elif end == "revoked":
        http.delete(f"/v1/api_keys/{key['id']}")
    else:
        past = timezone.now() - timedelta(seconds=1)
        APIKey.objects.filter(pk=key["id"]).update(expires_at=past)
    before = APIKey.objects.filter(pk=key["id"]).values().get()
    answer = http.patch(f"/v1/api_keys/{key['id']}", wish, format="json")
    assert answer.status_code == 400
    assert "Make a new one" in answer.json()["error"]["message"]
    assert APIKey.objects.filter(pk=key["id"]).values().get() == before
    assert not AuditEntry.objects.filter(action="api_key.changed").exists()


def test_a_rotated_key_can_still_be_revoked(http: APIClient) -> None:
    key = create(http)
    rotate(http, key)
    assert http.delete(f"/v1/api_keys/{key['id']}").status_code == 200
    assert http.get(f"/v1/api_keys/{key['id']}").json()["status"] == "revoked"


def test_all_rotations_of_a_key_count_on_the_first_ones_meter(http: APIClient) -> None:
    first = create(http, budget="1", budget_period="total")
    second = rotate(http, first)
    third = rotate(http, second)
    meters = [APIKey.objects.get(pk=key["id"]).meter_id for key in (first, second, third)]
    assert meters == [first["id"]] * 3


def test_a_key_and_its_successor_share_the_minutes_requests(
    http: APIClient, client_of: ClientOf
) -> None:
    first = create(http, requests_per_minute=4)
    second = rotate(http, first)
    both = [client_of(first["key"]), client_of(second["key"])]
    answers = [both[turn % 2].get("/v1/me").status_code for turn in range(6)]
    assert answers == [200] * 4 + [429] * 2


def test_a_key_that_another_key_made_has_a_meter_of_its_own(http: APIClient) -> None:
    key = create(http)
    assert APIKey.objects.get(pk=key["id"]).meter_id == key["id"]


async def test_the_caller_names_its_meter(async_db: None, ada: Person) -> None:
    first = await APIKey.objects.aget()
    caller = await authenticate(f"Bearer {ada.key}", None)
    assert (caller.key_id, caller.meter_id) == (first.id, first.id)
    other = await APIKey.objects.acreate(organisation_id=first.organisation_id, name="y", digest="")
    await APIKey.objects.filter(pk=first.pk).aupdate(origin=other)
    caller = await authenticate(f"Bearer {ada.key}", None)
    assert (caller.key_id, caller.meter_id) == (first.id, other.id)


def test_the_database_lets_no_key_count_on_a_strangers_meter(ada: Person, mallory: Person) -> None:
    mine, hers = (APIKey.objects.get(organisation=person.organisation) for person in (ada, mallory))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError), transaction.atomic():
        APIKey.objects.filter(pk=mine.pk).update(origin=hers)


def test_lists_are_stored_in_order_and_once(http: APIClient) -> None:
    key = create(
        http,
        scopes=["usage:read", "inference", "usage:read"],
        allowed_models=["b", "a", "b"],
        cidrs=["192.0.2.7/24", "10.0.0.0/8", "192.0.2.0/24"],
    )
    assert key["scopes"] == ["inference", "usage:read"]
    assert key["allowed_models"] == ["a", "b"]
    assert key["cidrs"] == ["10.0.0.0/8", "192.0.2.0/24"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"scopes": ["inference"] * (len(ALL) + 1)}, "scopes"),
        ({"allowed_models": ["m"] * 101}, "allowed_models"),
        ({"allowed_models": ["a b"]}, "allowed_models.0"),
        ({"allowed_models": [""]}, "allowed_models.0"),
        ({"allowed_models": ["m" * 201]}, "allowed_models.0"),
        ({"cidrs": ["10.0.0.0/8"] * 101}, "cidrs"),
        ({"cidrs": ["fe80::1%eth0/64"]}, "cidrs"),
        ({"name": "two\nlines"}, "name"),
        ({"name": " "}, "name"),
    ],
)
def test_lists_and_names_have_bounds(http: APIClient, fields: dict[str, Any], param: str) -> None:
    answer = http.post("/v1/api_keys", {"name": "x", **fields}, format="json")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
