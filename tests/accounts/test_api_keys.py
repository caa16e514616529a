"""Keys over REST: shown once, never wider than the key that asks, gone when revoked."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from rest_framework.test import APIClient

from accounts import key_material, scopes
from accounts.models import APIKey, AuditEntry, Membership
from tests.accounts.conftest import ClientOf
from tests.cast import Person


@pytest.fixture
def http(ada: Person, client_of: ClientOf) -> APIClient:
    return client_of(ada.key)


def create(http: APIClient, **fields: Any) -> dict[str, Any]:
    answer = http.post("/v1/api_keys", {"name": "new", **fields}, format="json")
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def refusal(answer: Any, status: int, param: str | None) -> str:
    assert answer.status_code == status, answer.content
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["param"] == param
    return str(error["message"])


def test_a_new_key_is_shown_once_and_works(http: APIClient, client_of: ClientOf) -> None:
    made = create(http, scopes=["models:read"])
    assert key_material.is_well_formed(made["key"])
    assert client_of(made["key"]).get("/v1/me").json()["api_key"]["scopes"] == ["models:read"]
    for path in (f"/v1/api_keys/{made['id']}", "/v1/api_keys"):
        assert made["key"] not in http.get(path).content.decode()
    assert made["redacted"] == f"{made['key'][:7]}…{made['key'][-4:]}"


def test_only_the_digest_is_stored(http: APIClient) -> None:
    made = create(http)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accounts_apikey k WHERE k::text LIKE %s",
                       [f"%{made['key'][8:40]}%"])  # fmt: skip
        assert cursor.fetchone() == (0,)
    assert APIKey.objects.get(pk=made["id"]).digest == key_material.digest(made["key"])


def test_what_is_left_out_is_as_on_the_key_that_asks(http: APIClient) -> None:
    APIKey.objects.update(requests_per_minute=7, allowed_models=["a"], cidrs=["127.0.0.0/8"])
    made = create(http)
    assert made["requests_per_minute"] == 7
    assert made["allowed_models"] == ["a"]
    assert made["cidrs"] == ["127.0.0.0/8"]
    assert set(made["scopes"]) == scopes.ALL
    assert made["budget"] is None


@pytest.mark.parametrize(
    ("own", "asked", "param"),
    [
        ({"scopes": ["keys:write"]}, {"scopes": ["inference"]}, "scopes"),
        ({}, {"requests_per_minute": 61}, "requests_per_minute"),
        ({}, {"tokens_per_minute": 150_001}, "tokens_per_minute"),
        ({"allowed_models": ["a"]}, {"allowed_models": None}, "allowed_models"),
        ({"allowed_models": ["a"]}, {"allowed_models": ["a", "b"]}, "allowed_models"),
        ({"cidrs": ["127.0.0.0/8"]}, {"cidrs": []}, "cidrs"),
        ({"cidrs": ["127.0.0.0/8"]}, {"cidrs": ["127.0.0.0/7"]}, "cidrs"),
        ({"cidrs": ["127.0.0.0/8"]}, {"cidrs": ["::/0"]}, "cidrs"),
        ({"expires_at": timezone.now() + timedelta(days=1)}, {"expires_at": None}, "expires_at"),
        ({"budget_nano": 10, "budget_period": "day"}, {}, None),
    ],
)
def test_no_key_hands_on_more_than_it_has(
    http: APIClient, own: dict[str, Any], asked: dict[str, Any], param: str | None
) -> None:
    APIKey.objects.update(**own)
    before = APIKey.objects.count()
    refusal(http.post("/v1/api_keys", {"name": "x", **asked}, format="json"), 403, param)
    assert APIKey.objects.count() == before


def test_a_members_key_has_the_scopes_of_their_role_at_most(http: APIClient, ada: Person) -> None:
    Membership.objects.update(role="developer")
    assert set(create(http)["scopes"]) == scopes.OF_ROLE["developer"]
    answer = http.post("/v1/api_keys", {"name": "x", "scopes": ["admin"]}, format="json")
    assert "scopes" in refusal(answer, 403, "scopes")


def test_an_analyst_makes_no_keys(ben: Person, client_of: ClientOf) -> None:
    answer = client_of(ben.key).post("/v1/api_keys", {"name": "x"}, format="json")
    assert "keys:write" in refusal(answer, 403, None)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"name": None}, "name"),
        ({"name": "x" * 121}, "name"),
        ({"scopes": ["root"]}, "scopes.0"),
        ({"scopes": "inference"}, "scopes"),
        ({"requests_per_minute": 0}, "requests_per_minute"),
        ({"requests_per_minute": 2**40}, "requests_per_minute"),
        ({"cidrs": ["10.0.0.0/99"]}, "cidrs"),
        ({"budget": "1.50"}, "budget"),
        ({"budget": None, "budget_period": "day"}, "budget"),
        ({"budget": "-1", "budget_period": "day"}, "budget"),
        ({"budget": "0.0000000001", "budget_period": "day"}, "budget"),
        ({"budget": "NaN", "budget_period": "day"}, "budget"),
        ({"budget": "1", "budget_period": "week"}, "budget_period"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "soon"}, "expires_at"),
        ({"organisation": "org_x"}, "organisation"),
        ({"digest": "0" * 64}, "digest"),
        ({"kind": "master"}, "kind"),
    ],
)
def test_bad_values_are_refused_by_name(
    http: APIClient, fields: dict[str, Any], param: str
) -> None:
    refusal(http.post("/v1/api_keys", {"name": "x", **fields}, format="json"), 400, param)


def test_a_budget_is_exact_to_the_nano_dollar(http: APIClient) -> None:
    made = create(http, budget="12.000000001", budget_period="month")
    assert made["budget"] == "12.000000001"
    key = APIKey.objects.get(pk=made["id"])
    assert (key.budget_nano, key.budget_period) == (12_000_000_001, "month")
    assert create(http, budget="12.5", budget_period="day")["budget"] == "12.50"


def test_a_publishable_key_has_no_scopes(http: APIClient) -> None:
    made = create(http, kind="publishable", scopes=["inference"])
    assert made["key"].startswith("pk-")
    assert made["scopes"] == []
    given = {"scopes": ["inference"]}
    refusal(http.patch(f"/v1/api_keys/{made['id']}", given, format="json"), 400, "scopes")


def test_a_key_can_be_changed(http: APIClient) -> None:
    made = create(http)
    changes = {"name": "renamed", "requests_per_minute": 5, "allowed_models": ["a"]}
    answer = http.patch(f"/v1/api_keys/{made['id']}", changes, format="json")
    assert answer.status_code == 200
    assert answer.json().items() >= changes.items()


def test_a_wider_key_can_be_neither_changed_nor_rotated_nor_revoked(
    http: APIClient, ada: Person, client_of: ClientOf
) -> None:
    wide = APIKey.objects.get()
    narrow = client_of(create(http, scopes=["keys:write"])["key"])
    path = f"/v1/api_keys/{wide.id}"
    assert narrow.patch(path, {"name": "mine"}, format="json").status_code == 403
    assert narrow.patch(path, {"scopes": []}, format="json").status_code == 403
    assert narrow.post(f"{path}/rotations").status_code == 403
    assert narrow.delete(path).status_code == 403
    wide.refresh_from_db()
    assert (wide.name, wide.revoked_at, wide.replaced_by_id) == ("First key", None, None)
    assert set(wide.scopes) == scopes.ALL


def test_a_key_cannot_widen_itself(http: APIClient, client_of: ClientOf) -> None:
    made = create(http, scopes=["keys:write"], requests_per_minute=10)
    own = client_of(made["key"])
    for wider in ({"scopes": ["admin"]}, {"requests_per_minute": 11}):
        answer = own.patch(f"/v1/api_keys/{made['id']}", wider, format="json")
        refusal(answer, 403, next(iter(wider)))


def test_a_revoked_key_is_refused_on_its_next_request(http: APIClient, client_of: ClientOf) -> None:
    made = create(http)
    other = client_of(made["key"])
    assert other.get("/v1/me").status_code == 200
    answer = http.delete(f"/v1/api_keys/{made['id']}")
    assert answer.json() == {"id": made["id"], "object": "api_key.deleted", "deleted": True}
    assert other.get("/v1/me").status_code == 401
    assert http.delete(f"/v1/api_keys/{made['id']}").status_code == 200
    assert AuditEntry.objects.filter(action="api_key.revoked").count() == 1
    assert http.get(f"/v1/api_keys/{made['id']}").json()["status"] == "revoked"


def test_a_rotated_key_goes_on_for_its_grace_and_its_successor_may_do_the_same(
    http: APIClient, client_of: ClientOf
) -> None:
    old = create(http, scopes=["models:read"], requests_per_minute=9)
    answer = http.post(f"/v1/api_keys/{old['id']}/rotations")
    assert answer.status_code == 201
    new = answer.json()
    same = ("name", "kind", "scopes", "requests_per_minute", "expires_at", "budget", "cidrs")
    assert [new[name] for name in same] == [old[name] for name in same]
    assert new["key"] != old["key"]
    assert client_of(old["key"]).get("/v1/me").status_code == 200
    row = APIKey.objects.get(pk=old["id"])
    assert row.replaced_by_id == new["id"]
    assert row.expires_at is not None
    assert abs(row.expires_at - timezone.now() - timedelta(days=1)) < timedelta(seconds=30)
    APIKey.objects.filter(pk=old["id"]).update(expires_at=timezone.now())
    assert client_of(old["key"]).get("/v1/me").status_code == 401
    assert client_of(new["key"]).get("/v1/me").status_code == 200


def test_rotation_without_grace_ends_the_old_key_at_once(
    http: APIClient, client_of: ClientOf
) -> None:
    old = create(http)
    http.post(f"/v1/api_keys/{old['id']}/rotations", {"grace_seconds": 0}, format="json")
    assert client_of(old["key"]).get("/v1/me").status_code == 401


def test_rotation_never_prolongs_a_key(http: APIClient) -> None:
    soon = timezone.now() + timedelta(hours=1)
    old = create(http, expires_at=soon.isoformat())
    assert http.post(f"/v1/api_keys/{old['id']}/rotations").status_code == 201
    assert APIKey.objects.get(pk=old["id"]).expires_at == soon


def test_a_key_is_rotated_once(http: APIClient) -> None:
    path = f"/v1/api_keys/{create(http)['id']}/rotations"
    assert http.post(path).status_code == 201
    assert "already rotated" in refusal(http.post(path), 400, None)


def test_every_change_is_in_the_audit_without_the_key(http: APIClient, ada: Person) -> None:
    made = create(http, name="audited")
    http.patch(f"/v1/api_keys/{made['id']}", {"requests_per_minute": 3}, format="json")
    rotated = http.post(f"/v1/api_keys/{made['id']}/rotations").json()
    http.delete(f"/v1/api_keys/{made['id']}")
    entries = AuditEntry.objects.filter(target=made["id"]).order_by("created_at")
    assert [entry.action for entry in entries] == [
        "api_key.created", "api_key.changed", "api_key.rotated", "api_key.revoked",
    ]  # fmt: skip
    changed = entries[1]
    assert (changed.before or {})["requests_per_minute"] == 60
    assert (changed.after or {})["requests_per_minute"] == 3
    assert (changed.actor, changed.address) == (ada.user.id, "127.0.0.1")
    everything = str(list(AuditEntry.objects.values()))
    assert made["key"] not in everything
    assert rotated["key"] not in everything


def test_the_database_lets_nobody_rewrite_the_audit(ada: Person) -> None:
    for statement in ("UPDATE accounts_auditentry SET actor = 'x'",
                      "DELETE FROM accounts_auditentry"):  # fmt: skip
        with (
            pytest.raises(Exception, match="written once"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_the_database_lets_no_key_replace_a_strangers(ada: Person, mallory: Person) -> None:
    mine, hers = (APIKey.objects.get(organisation=person.organisation) for person in (ada, mallory))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    with pytest.raises(IntegrityError), transaction.atomic():
        APIKey.objects.filter(pk=mine.pk).update(replaced_by=hers)


def test_new_keys_are_limited_for_the_organisation(http: APIClient) -> None:
    APIKey.objects.update(requests_per_minute=1_000)
    statuses = [
        http.post("/v1/api_keys", {"name": "x"}, format="json").status_code for _ in range(31)
    ]
    assert statuses == [201] * 30 + [429]
