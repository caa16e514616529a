"""GET /v1/models, /v1/models/{id} and /v1/model/info, as a tenant sees them."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import APIKey
from inference import defaults, installing, prices
from inference.models import ServedModel
from tests.cast import Person

pytestmark = pytest.mark.django_db
LLAMA = "llama3:8b-instruct-q8_0"


@pytest.fixture(autouse=True)
def catalog() -> None:
    defaults.ensure()


def get(person: Person, path: str) -> tuple[int, dict[str, Any]]:
    answer = Client().get(path, headers={"Authorization": f"Bearer {person.key}"})
    return answer.status_code, answer.json()


def may_call_only(person: Person, *models: str) -> None:
    APIKey.objects.filter(organisation=person.organisation).update(allowed_models=list(models))


def ids(person: Person, path: str = "/v1/models") -> list[str]:
    status, body = get(person, path)
    assert status == 200, body
    return [row["id"] for row in body["data"]]


def error(answer: tuple[int, dict[str, Any]]) -> tuple[int, str, str]:
    status, body = answer
    assert body["error"].keys() == {"message", "type", "param", "code"}
    return status, body["error"]["code"], body["error"]["param"]


def test_only_what_can_be_called_now_is_listed(ada: Person) -> None:
    assert ids(ada) == ["smarter-mini"]


def test_a_listed_model_has_the_shape_that_client_libraries_expect(ada: Person) -> None:
    status, body = get(ada, "/v1/models")

    created = ServedModel.objects.get(pk="smarter-mini").created_at
    model = {
        "id": "smarter-mini",
        "object": "model",
        "created": int(created.timestamp()),
        "owned_by": "smarter",
    }
    assert (status, body) == (200, {"object": "list", "data": [model]})
    assert get(ada, "/v1/models/smarter-mini") == (200, model)


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_every_route_answers_with_and_without_v1(ada: Person, prefix: str) -> None:
    for path in (
        "/models",
        "/models/smarter-mini",
        "/model/info",
        "/model/info?model=smarter-mini",
    ):
        assert get(ada, prefix + path)[0] == 200


def test_aliases_are_listed_as_models(ada: Person) -> None:
    installing.give_alias("gpt-4o", "smarter-mini")
    installing.give_alias("not-yet", LLAMA)

    assert ids(ada) == ["gpt-4o", "smarter-mini"]


@pytest.mark.parametrize("name", [LLAMA, "meta/llama:8b@v1"])
def test_ids_may_hold_colons_and_slashes(ada: Person, name: str) -> None:
    installing.give_alias(name, "smarter-mini")

    status, body = get(ada, f"/v1/models/{name}")

    assert (status, body["id"]) == (200, name)


@pytest.mark.parametrize("name", ["unknown", "a/b:c", LLAMA, "%00", "x" * 3000])
def test_a_model_that_cannot_be_called_is_not_found(ada: Person, name: str) -> None:
    assert error(get(ada, f"/v1/models/{name}")) == (404, "model_not_found", "model")


def test_deleting_is_refused_in_words_for_what_is_there(ada: Person) -> None:
    for name, expected in {
        "smarter-mini": (403, "model_protected", "model"),
        "no-such-model": (404, "model_not_found", "model"),
    }.items():
        path, key = f"/v1/models/{name}", {"Authorization": f"Bearer {ada.key}"}
        answer = Client().delete(path, headers=key)
        assert error((answer.status_code, answer.json())) == expected
    assert ids(ada) == ["smarter-mini"]


def test_a_key_sees_only_the_models_that_it_may_call(ada: Person) -> None:
    installing.give_alias("gpt-4o", "smarter-mini")

    may_call_only(ada, "gpt-4o")
    assert ids(ada) == ["gpt-4o"]
    assert error(get(ada, "/v1/models/smarter-mini"))[:2] == (404, "model_not_found")

    may_call_only(ada, "smarter-mini")
    assert ids(ada) == ["gpt-4o", "smarter-mini"]  # another name of the same model

    may_call_only(ada)
    assert ids(ada) == []


def test_a_private_model_is_seen_by_its_organisation_alone(ada: Person, mallory: Person) -> None:
    installing.give_alias("ours", "smarter-mini")
    ServedModel.objects.filter(pk="smarter-mini").update(organisation=ada.organisation)

    assert ids(ada) == ["ours", "smarter-mini"]
    assert "smarter-mini" in ids(ada, "/v1/model/info")
    assert ids(mallory) == []
    assert "smarter-mini" not in ids(mallory, "/v1/model/info")
    for path in ("/v1/models/ours", "/v1/model/info?model=ours"):
        assert error(get(mallory, path))[:2] == (404, "model_not_found")


def test_a_model_that_failed_is_not_listed_and_its_reason_stays_here(ada: Person) -> None:
    ServedModel.objects.filter(pk="smarter-mini").update(state="failed", failure="/secret")

    assert ids(ada) == []
    _, body = get(ada, "/v1/model/info?model=smarter-mini")
    assert body["status"] == "failed"
    assert "secret" not in str(body)


def test_info_tells_all_of_a_model_that_is_not_installed(ada: Person) -> None:
    status, body = get(ada, f"/v1/model/info?model={LLAMA}")

    assert status == 200
    assert {name: body[name] for name in body if name != "created"} == {
        "id": LLAMA,
        "object": "model",
        "owned_by": "meta",
        "status": "not_installed",
        "context_window": 8192,
        "default_max_output": 1024,
        "capabilities": ["chat", "completions"],
        "provider": "Meta AI",
        "best_for": "General-purpose tasks, fast responses",
        "parameters": None,
        "pricing": {
            "input": "0.01",
            "cached_input": "0.01",
            "output": "0.02",
            "currency": "USD",
            "unit": "1M tokens",
        },
        "aliases": [],
        "alias_of": None,
    }


def test_info_without_a_model_knows_every_row(ada: Person) -> None:
    assert ids(ada, "/v1/model/info") == [
        "gemma-2-9b-it",
        "llama-3-70b-instruct",
        LLAMA,
        "mistral-7b-instruct-v0.3",
        "smarter-mini",
    ]


def test_info_of_an_alias_is_its_models_with_the_same_price(ada: Person) -> None:
    installing.give_alias(LLAMA, "smarter-mini")

    by_alias = get(ada, f"/v1/model/info?model={LLAMA}")

    assert by_alias == get(ada, "/v1/model/info?model=smarter-mini")
    assert by_alias[1]["aliases"] == [LLAMA]
    _, everything = get(ada, "/v1/model/info")
    covered = next(row for row in everything["data"] if row["id"] == LLAMA)
    assert covered["alias_of"] == "smarter-mini"


def test_info_of_an_unknown_model_is_not_found(ada: Person) -> None:
    assert error(get(ada, "/v1/model/info?model=nope")) == (404, "model_not_found", "model")


def test_a_dated_price_counts_from_its_day(ada: Person) -> None:
    price = prices.in_force(["smarter-mini"])["smarter-mini"]
    prices.set_price("smarter-mini", type(price)(1, 1, 10**9))

    pricing = get(ada, "/v1/model/info?model=smarter-mini")[1]["pricing"]

    assert (pricing["input"], pricing["output"]) == ("0.000001", "1000.00")


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/smarter-mini", "/v1/model/info"])
def test_nobody_reads_the_catalog_without_a_key(path: str) -> None:
    answer = Client().get(path)

    assert error((answer.status_code, answer.json()))[:2] == (401, "invalid_api_key")


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/smarter-mini", "/v1/model/info"])
def test_a_key_without_the_scope_reads_nothing(ada: Person, path: str) -> None:
    APIKey.objects.filter(organisation=ada.organisation).update(scopes=["inference"])

    assert error(get(ada, path))[:2] == (403, "insufficient_scope")


def test_the_routes_are_described(client: Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]

    assert {"/v1/models", "/v1/models/{model_id}", "/v1/model/info"} <= paths.keys()


def test_the_catalog_costs_few_queries_however_long_it_is(
    ada: Person, django_assert_max_num_queries: Any
) -> None:
    for number in range(30):
        installing.give_alias(f"name-{number}", "smarter-mini")

    with django_assert_max_num_queries(8):  # key, its last use, rows, aliases, prices
        get(ada, "/v1/model/info")
