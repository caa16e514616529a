"""Applying, describing and deleting, for the kinds that have no floor above them."""

import re
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from accounts.models import APIKey, AuditEntry, User
from billing.models import Price
from tests.cast import Person
from tests.manifests.conftest import Apply, caller

KEY = """\
apiVersion: smarter.sh/v1
kind: APIKey
metadata: {name: shop}
spec:
  scopes: [inference]
  budget: "5.00"
  budget_period: month
"""
ORGANISATION = """\
apiVersion: smarter.sh/v1
kind: Organisation
metadata: {name: SLUG}
spec: {name: "Ada's bread"}
"""
PRICE = """\
apiVersion: smarter.sh/v1
kind: Price
metadata: {name: "own/model/standard"}
spec: {input: "0.010", output: "0.020"}
"""


def actions(body: dict[str, Any]) -> list[str]:
    return [each["action"] for each in body["data"]]


def test_a_key_is_made_once_and_shown_once(apply: Apply) -> None:
    status, body = apply(KEY)
    assert status == 200
    assert actions(body) == ["created"]
    secret = body["data"][0]["secrets"]["key"]
    assert re.fullmatch(r"sk-\w{42}", secret)
    status, body = apply(KEY)
    assert actions(body) == ["unchanged"]
    assert body["data"][0]["secrets"] == {}
    assert body["data"][0]["diff"] == ""
    key = APIKey.objects.get(name="shop")
    assert (key.scopes, key.budget_nano) == (["inference"], 5 * 10**9)


def test_what_differs_is_changed_and_shown(apply: Apply) -> None:
    apply(KEY)
    status, body = apply(KEY.replace("5.00", "7.50"))
    assert status == 200
    assert actions(body) == ["changed"]
    assert "-budget: '5.00'\n+budget: '7.50'\n" in body["data"][0]["diff"]
    assert body["data"][0]["secrets"] == {}
    assert APIKey.objects.get(name="shop").budget_nano == 7_500_000_000


def test_a_dry_run_shows_the_same_and_changes_nothing(apply: Apply) -> None:
    status, body = apply(KEY, dry_run=True)
    assert status == 200
    assert actions(body) == ["created"]
    assert body["data"][0]["secrets"] == {}
    assert not APIKey.objects.filter(name="shop").exists()
    assert not AuditEntry.objects.filter(action="api_key.created").exists()


def test_what_describe_prints_changes_nothing_when_applied(apply: Apply, ada: Person) -> None:
    apply(KEY, ORGANISATION.replace("SLUG", ada.organisation.slug))
    for path in ("APIKey/shop", f"organisation/{ada.organisation.slug}"):
        described = caller(ada).get(f"/v1/manifests/{path}").json()
        assert yaml.safe_load(described["yaml"]) == described["manifest"]
        assert described["manifest"]["status"]["id"]
        status, body = apply(described["yaml"])
        assert status == 200, body
        assert actions(body) == ["unchanged"]


def test_all_are_applied_in_the_order_of_their_needs_or_none(apply: Apply, ada: Person) -> None:
    good = ORGANISATION.replace("SLUG", ada.organisation.slug)
    status, body = apply(KEY, good)
    assert [each["kind"] for each in body["data"]] == ["Organisation", "APIKey"]
    status, body = apply(good.replace("bread", "cake"), KEY.replace("inference", "flying"))
    assert status == 400
    assert body["error"]["code"] == "invalid_manifest"
    assert body["error"]["param"] == "spec.scopes.0"
    assert body["error"]["message"].startswith("b.yaml:5: spec.scopes.0: ")
    ada.organisation.refresh_from_db()
    assert ada.organisation.name == "Ada's bread"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (KEY.replace("scopes", "scope"), "a.yaml:5: spec.scope: Unknown parameter."),
        (KEY.replace("APIKey", "Nothing"), "a.yaml:2: kind: There is no kind Nothing"),
        (KEY.replace('budget: "5.00"', "budget: 0x"), "a.yaml:6: spec.budget: "),
        (KEY + "  name: hall\n", "a.yaml:8: spec.name: Unknown parameter"),
        (KEY.replace("shop", "x" * 121), "a.yaml:3: metadata.name: "),
        (KEY.replace("  budget_period: month\n", ""), "a.yaml:6: spec.budget: Give budget and"),
        (ORGANISATION, "a.yaml:3: metadata.name: A key can change its own organisation only"),
    ],
)
def test_a_wrong_spec_is_told_at_its_line(text: str, told: str, apply: Apply) -> None:
    status, body = apply(text)
    assert status == 400
    assert told in body["error"]["message"]


def test_the_same_thing_twice_is_refused(apply: Apply) -> None:
    status, body = apply(KEY, KEY)
    assert status == 400
    assert "b.yaml:4: spec: APIKey/shop stands in a.yaml already." in body["error"]["message"]


def test_deleting_a_key_revokes_it(apply: Apply, ada: Person, mallory: Person) -> None:
    apply(KEY)
    assert caller(mallory).delete("/v1/manifests/APIKey/shop").status_code == 404
    assert caller(ada).delete("/v1/manifests/APIKey/shop").json()["deleted"] is True
    assert APIKey.objects.get(name="shop").revoked_at is not None
    assert caller(ada).get("/v1/manifests/APIKey/shop").status_code == 404


def test_no_key_hands_on_more_than_it_has(apply: Apply, ben: Person) -> None:
    status, body = apply(KEY, by=ben)
    assert status == 403
    assert body["error"]["code"] == "insufficient_scope"


def test_a_key_that_goes_beyond_the_one_that_asks_is_told_at_its_line(
    apply: Apply, ada: Person
) -> None:
    status, body = apply(KEY + "  requests_per_minute: 1000000\n")
    assert status == 403
    assert body["error"]["message"].startswith("a.yaml:8: spec.requests_per_minute: The requests_")


def test_one_field_changes_and_the_others_stay(apply: Apply) -> None:
    apply(KEY)
    only = KEY.replace("  scopes: [inference]\n", "").replace("  budget_period: month\n", "")
    assert actions(apply(only.replace("5.00", "6.00"))[1]) == ["changed"]
    changed = APIKey.objects.get(name="shop")
    assert (changed.scopes, changed.budget_nano) == (["inference"], 6 * 10**9)
    status, body = apply(KEY + "  kind: publishable\n")
    assert status == 400
    assert "a.yaml:8: spec.kind: The kind of a key does not change." in body["error"]["message"]


def test_a_stranger_finds_nothing(apply: Apply, ada: Person, mallory: Person) -> None:
    apply(KEY)
    assert caller(mallory).get("/v1/manifests/APIKey/shop").status_code == 404
    slug = ada.organisation.slug
    assert caller(mallory).get(f"/v1/manifests/Organisation/{slug}").status_code == 404
    listed = caller(mallory).get("/v1/manifests/APIKey").json()["data"]
    assert "shop" not in [each["name"] for each in listed]


def test_prices_are_set_by_administrators_alone(apply: Apply, ada: Person) -> None:
    assert apply(PRICE)[0] == 403
    User.objects.filter(pk=ada.user.pk).update(is_superuser=True)
    assert actions(apply(PRICE)[1]) == ["created"]
    assert actions(apply(PRICE)[1]) == ["unchanged"]
    assert actions(apply(PRICE.replace("0.020", "0.030"))[1]) == ["changed"]
    rows = Price.objects.filter(model="own/model").order_by("effective_from")
    assert [row.output for row in rows] == [20_000, 30_000]
    assert rows[0].cached_input == 10_000
    described = caller(ada).get("/v1/manifests/Price/own/model/standard").json()
    assert described["manifest"]["spec"] == {
        "input": "0.01", "cached_input": "0.01", "output": "0.03",
    }  # fmt: skip


def test_every_kind_has_an_example_that_is_yaml_and_a_schema(ada: Person) -> None:
    kinds = caller(ada).get("/v1/manifest_kinds").json()["data"]
    assert {"Organisation", "Price", "APIKey"} <= {each["id"] for each in kinds}
    for each in kinds:
        example = yaml.safe_load(each["example"])
        assert example["kind"] == each["id"]
        schema = caller(ada).get(f"/v1/manifest_kinds/{each['id']}").json()["schema"]
        assert set(example["spec"]) <= set(schema["properties"])
        Draft202012Validator(schema).validate(example["spec"])
    assert caller(ada).get("/v1/manifest_kinds/Nothing").status_code == 404
