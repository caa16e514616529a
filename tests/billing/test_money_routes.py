"""The money resources of the API: exact amounts, an organisation's own, tables on request."""

import csv
import io
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts import keys
from api import rate_limits
from billing import ledger
from billing.models import TopUp
from billing.pricing import NANO
from tests.billing.conftest import ONE_CALL, Tenant, in_threads

USED = ledger.Usage(prompt_tokens=100, cached_tokens=0, completion_tokens=7)
COST = 114_000


def client(tenant: Tenant, *scopes: str) -> APIClient:
    """With the first key, or one that has only these scopes."""
    rate_limits.forget_all()
    secret = tenant.secret
    if scopes:
        _key, secret = keys.issue(tenant.organisation.id, name="narrow", scopes=list(scopes))
    found = APIClient()
    found.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return found


def get(tenant: Tenant, path: str, status: int = 200) -> dict[str, Any]:
    answer = client(tenant).get(path)
    assert answer.status_code == status, answer.content
    told: dict[str, Any] = answer.json()
    return told


def table(answer: Any) -> list[dict[str, str]]:
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


@pytest.fixture
def called(transactional_db: None, bakery: Tenant) -> str:
    """One call that was held, and one that was settled; the settled one's digits."""
    settled, running = bakery.request(), bakery.request()

    async def calls(_: int) -> None:
        await ledger.hold(settled)
        await ledger.settle(settled.id, USED, "stop", 12, 34)
        await ledger.hold(running)

    assert in_threads(calls, 1) == [None]
    return settled.id.removeprefix("gen_")


def test_the_balance_is_told_exactly(bakery: Tenant, called: str) -> None:
    assert get(bakery, "/v1/balance") == {
        "object": "balance",
        "currency": "USD",
        "available": "0.999686",
        "available_nano": NANO - COST - ONE_CALL,
        "held": "0.0002",
        "held_nano": ONE_CALL,
        "balance": "0.999886",
        "balance_nano": NANO - COST,
        "spent_this_month": "0.000114",
        "spent_this_month_nano": COST,
        "spending_cap": None,
        "spending_cap_nano": None,
    }
    assert get(bakery, "/balance")["held_nano"] == ONE_CALL


@pytest.mark.parametrize("prefix", ["gen_", "req_", "resp_", "chatcmpl-", "cmpl-"])
def test_a_generation_answers_to_every_id_that_its_client_saw(
    bakery: Tenant, called: str, prefix: str
) -> None:
    told = get(bakery, f"/v1/generations/{prefix}{called}")
    assert (told["id"], told["request_id"]) == (f"gen_{called}", f"req_{called}")
    assert (told["prompt_tokens"], told["completion_tokens"], told["total_tokens"]) == (100, 7, 107)
    assert (told["cost"], told["cost_nano"], told["held_nano"]) == ("0.000114", COST, 0)
    assert (told["state"], told["finish_reason"]) == ("settled", "stop")
    assert (told["first_token_ms"], told["duration_ms"]) == (12, 34)


@pytest.mark.parametrize("seen", ["gen_", "gen_xyz", "gen_" + "0" * 32, "resp-1", "%00"])
def test_an_unknown_generation_is_not_found(bakery: Tenant, seen: str) -> None:
    assert get(bakery, f"/v1/generations/{seen}", 404)["error"]["code"] == "not_found"


def test_a_strangers_generation_is_not_found(bakery: Tenant, mill: Tenant, called: str) -> None:
    get(mill, f"/v1/generations/gen_{called}", 404)


def test_the_ledger_is_told_in_pages_with_the_running_balance(bakery: Tenant, called: str) -> None:
    page = get(bakery, "/v1/ledger?limit=1")
    (charge,) = page["data"]
    assert page["has_more"]
    assert (charge["kind"], charge["amount_nano"], charge["amount"]) == (
        "charge", -COST, "-0.000114",
    )  # fmt: skip
    assert (charge["balance_after_nano"], charge["generation"]) == (NANO - COST, f"gen_{called}")
    rest = get(bakery, f"/v1/ledger?after={page['last_id']}")
    assert [line["kind"] for line in rest["data"]] == ["top_up"]
    assert not rest["has_more"]


def test_the_ledger_of_a_period_is_half_open(bakery: Tenant) -> None:
    assert get(bakery, "/v1/ledger?from=2000-01-01&to=2000-02-01")["data"] == []
    assert len(get(bakery, "/v1/ledger?from=2000-01-01")["data"]) == 1


@pytest.mark.parametrize("how", ["query", "accept"])
def test_the_ledger_is_a_table_on_request(bakery: Tenant, called: str, how: str) -> None:
    path = "/v1/ledger?format=csv" if how == "query" else "/v1/ledger"
    lines = table(client(bakery).get(path, headers={"Accept": "text/csv"}))
    assert [line["amount"] for line in lines] == ["1.00", "-0.000114"]
    assert sum(int(line["amount_nano"]) for line in lines) == NANO - COST


def test_usage_is_told_by_group_and_in_sum(bakery: Tenant, called: str) -> None:
    told = get(bakery, "/v1/usage?group_by=model,key")
    (line,) = told["data"]
    assert (line["model"], line["key"], line["day"]) == ("tiny", bakery.key.id, None)
    assert (line["requests"], line["cost_nano"], told["total_cost_nano"]) == (1, COST, COST)
    assert told["total_cost"] == line["cost"] == "0.000114"


def test_usage_is_a_table_on_request(bakery: Tenant, called: str) -> None:
    (line,) = table(client(bakery).get("/v1/usage?format=csv&group_by=model"))
    assert (line["model"], line["completion_tokens"], line["cost"]) == ("tiny", "7", "0.000114")


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ("group_by=colour", "group_by"),
        ("group_by=hour", "group_by"),
        ("from=yesterday", "from"),
        ("to=2026-13-01", "to"),
        ("from=2026-02-01&to=2026-01-01", "from"),
        ("format=xml", "format"),
    ],
)
def test_a_wrong_query_names_its_parameter(bakery: Tenant, query: str, param: str) -> None:
    assert get(bakery, f"/v1/usage?{query}", 400)["error"]["param"] == param


def test_the_first_and_last_day_of_the_calendar_are_no_error(bakery: Tenant) -> None:
    for query in ("to=0001-01-01", "from=0001-01-01&to=9999-12-31", "from=9999-12-31"):
        answer = client(bakery).get(f"/v1/usage?{query}")
        assert answer.status_code in {200, 400}, answer.content


def test_prices_are_told_per_million_and_per_token(bakery: Tenant) -> None:
    (price,) = get(bakery, "/v1/prices?model=tiny")["data"]
    assert (price["input"], price["cached_input"], price["output"]) == ("1.00", "0.25", "2.00")
    assert (price["input_pico"], price["tier"]) == (1_000_000, "standard")
    assert get(bakery, "/v1/prices?model=none")["data"] == []


def test_prices_cannot_be_made_with_a_key(bakery: Tenant) -> None:
    assert client(bakery).post("/v1/prices", {"model": "tiny"}, format="json").status_code == 405


def test_a_top_up_is_credited_once(bakery: Tenant) -> None:
    asked = {"amount": "2.5", "ref": "order-1"}
    first, second = (client(bakery).post("/v1/topups", asked, format="json") for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 201)
    told = first.json()
    assert told == second.json()
    assert (told["amount"], told["amount_nano"]) == ("2.50", 5 * NANO // 2)
    assert told["provider_label"] == "Test payment: no money moved"
    assert get(bakery, "/v1/balance")["available"] == "3.50"
    assert get(bakery, "/v1/topups")["first_id"] == told["id"]


@pytest.mark.parametrize(
    ("asked", "param"),
    [
        ({"amount": "1.00"}, "ref"),
        ({"amount": 1.5, "ref": "r"}, "amount"),
        ({"amount": "0.0000000001", "ref": "r"}, "amount"),
        ({"amount": "-1", "ref": "r"}, "amount"),
        ({"amount": "1", "ref": "r", "code": "x"}, "amount"),
        ({"code": "nonsense"}, "code"),
        ({"amount": "1", "ref": "r", "provider": "manual"}, "provider"),
        ({}, "amount"),
    ],
)
def test_a_wrong_top_up_names_its_parameter(
    bakery: Tenant, asked: dict[str, Any], param: str
) -> None:
    answer = client(bakery).post("/v1/topups", asked, format="json")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert TopUp.objects.filter(organisation=bakery.organisation).count() == 1


@pytest.mark.parametrize("path", ["balance", "usage", "ledger", "topups", "generations/gen_1"])
def test_money_is_read_with_its_scope_alone(bakery: Tenant, path: str) -> None:
    assert client(bakery, "inference").get(f"/v1/{path}").status_code == 403
    assert client(bakery, "usage:read").get(f"/v1/{path}").status_code in {200, 404}
    assert APIClient().get(f"/v1/{path}").status_code == 401


def test_funds_are_added_with_their_scope_alone(bakery: Tenant) -> None:
    asked = {"amount": "1.00", "ref": "r"}
    allowed = client(bakery, "billing:write")
    assert allowed.post("/v1/topups", asked, format="json").status_code == 201
    assert allowed.get("/v1/topups").status_code == 403  # that needs usage:read
    refused = client(bakery, "usage:read").post("/v1/topups", asked, format="json")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "insufficient_scope")


def test_lists_show_nothing_of_strangers(bakery: Tenant, mill: Tenant) -> None:
    mine = {one["id"] for one in get(bakery, "/v1/topups")["data"]}
    theirs = {one["id"] for one in get(mill, "/v1/topups")["data"]}
    assert (len(mine), len(theirs), mine & theirs) == (1, 1, set())
    (line,) = get(mill, "/v1/ledger")["data"]
    assert get(bakery, f"/v1/ledger?after={line['id']}", 400)["error"]["param"] == "after"
