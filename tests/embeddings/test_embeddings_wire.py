"""POST /v1/embeddings: every form of input, the bytes of the vectors, the exact money."""

import asyncio
import base64
import json
import math
import struct
from typing import Any

import pytest

from accounts.models import Organisation
from billing.pricing import usd
from inference import catalog, reading
from inference.engines.scripted.reading import WIDTH, word
from inference.models import ServedModel
from tests.inference.asgi import Call, Tenant
from tests.inference.conftest import balance, cost, only_hold

TEXTS = ["the quick brown fox", "a quick brown dog", "prices of tea"]


async def ask(
    tenant: Tenant, *, path: str = "/v1/embeddings", headers: Any = None, **fields: Any
) -> Call:
    body = json.dumps({"model": "scripted", **fields}).encode()
    return await tenant.send(body, path=path, headers=headers).finished()


async def vectors(tenant: Tenant, **fields: Any) -> list[list[float]]:
    call = await ask(tenant, **fields)
    assert call.status == 200, call.raw
    data = call.json["data"]
    assert [each["index"] for each in data] == list(range(len(data)))
    assert {each["object"] for each in data} == {"embedding"}
    return [each["embedding"] for each in data]


def nearness(one: list[float], other: list[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


async def test_texts_come_back_as_vectors_of_length_one_in_their_order(ada: Tenant) -> None:
    together = await vectors(ada, input=TEXTS)
    alone = [(await vectors(ada, input=text))[0] for text in TEXTS]
    assert together == alone
    assert all(math.isclose(math.hypot(*vector), 1, abs_tol=1e-6) for vector in together)
    assert nearness(together[0], together[1]) > nearness(together[0], together[2]) + 0.2


@pytest.mark.parametrize("path", ["/v1/embeddings", "/embeddings"])
async def test_token_ids_are_the_same_as_their_words(ada: Tenant, path: str) -> None:
    ids = [[word(each) for each in text.split()] for text in TEXTS]
    said = await vectors(ada, input=TEXTS, path=path)
    assert await vectors(ada, input=ids, path=path) == said
    assert await vectors(ada, input=ids[0], path=path) == said[:1]


async def test_base64_holds_the_floats_little_endian(ada: Tenant) -> None:
    floats = await vectors(ada, input=TEXTS)
    call = await ask(ada, input=TEXTS, encoding_format="base64")
    for vector, each in zip(floats, call.json["data"], strict=True):
        raw = base64.b64decode(each["embedding"], validate=True)
        assert list(struct.unpack(f"<{WIDTH}f", raw)) == vector


async def test_fewer_dimensions_are_the_first_ones_at_length_one(ada: Tenant) -> None:
    (whole,), (cut,) = (
        await vectors(ada, input="one two"),
        await vectors(ada, input="one two", dimensions=10),
    )
    length = math.hypot(*whole[:10])
    assert cut == pytest.approx([value / length for value in whole[:10]], abs=1e-6)
    call = await ask(ada, input="one two", dimensions=WIDTH + 1)
    assert (call.status, call.error["param"]) == (400, "dimensions")
    assert f"{WIDTH} dimensions" in call.error["message"]


async def test_input_tokens_are_charged_exactly_and_once(ada: Tenant) -> None:
    before, _ = await balance(ada)
    call = await ask(ada, input=TEXTS, user="u-1")
    assert call.status == 200
    tokens = sum(len(text.split()) for text in TEXTS)
    hold = await settled_hold()
    assert (hold.charged, hold.prompt_tokens, hold.completion_tokens) == (
        cost(tokens, 0),
        tokens,
        0,
    )
    assert hold.amount == hold.charged
    assert await balance(ada) == (before - hold.charged, 0)
    assert call.json["usage"] == {
        "prompt_tokens": tokens,
        "total_tokens": tokens,
        "cost": usd(hold.charged),
    }
    assert call.answer_headers["x-request-cost"] == usd(hold.charged)
    assert hold.id == call.answer_headers["x-request-id"].replace("req_", "gen_")
    limit = int(call.answer_headers["x-ratelimit-limit-tokens"])
    assert int(call.answer_headers["x-ratelimit-remaining-tokens"]) == limit - tokens


async def settled_hold() -> Any:
    await reading.drain()
    return await only_hold()


@pytest.mark.parametrize(("said", "status"), [("#fail", 503), ("#overload", 503)])
async def test_what_fails_after_the_hold_is_free(ada: Tenant, said: str, status: int) -> None:
    before = await balance(ada)
    call = await ask(ada, input=["fine", f"not {said}"])
    assert call.status == status
    assert ((await settled_hold()).state, (await balance(ada))) == ("voided", before)


async def test_a_poor_organisation_is_refused_before_any_work(ada: Tenant) -> None:
    available, _ = await balance(ada)
    call = await ask(ada, input=[[1] * 8192] * 36)  # $0.29 at $1 a million
    assert call.status == 200
    await settled_hold()
    poor = [[1] * 8192] * 36
    for _ in range(2):
        assert (await ask(ada, input=poor)).status == 200
    refused = await ask(ada, input=poor)
    assert (refused.status, refused.error["code"]) == (403, "insufficient_balance")
    await reading.drain()
    assert await balance(ada) == (available - 3 * cost(8192 * 36, 0), 0)


async def test_a_retry_with_the_same_key_gets_the_same_bytes_and_pays_once(ada: Tenant) -> None:
    headers = {"idempotency-key": "once"}
    first = await ask(ada, input=TEXTS, headers=headers)
    again = await ask(ada, input=TEXTS, headers=headers)
    assert again.raw == first.raw
    assert again.answer_headers["idempotent-replayed"] == "true"
    assert again.answer_headers["x-request-cost"] == first.answer_headers["x-request-cost"]
    await settled_hold()
    other = await ask(ada, input="else", headers=headers)
    assert other.status == 422


async def test_after_a_failure_the_same_key_is_a_first_try(ada: Tenant) -> None:
    headers = {"idempotency-key": "again"}
    first = await ask(ada, input="#fail", headers=headers)
    again = await ask(ada, input="#fail", headers=headers)
    assert (first.status, again.status) == (503, 503)
    assert "idempotent-replayed" not in again.answer_headers


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": ["fine", ""]}, "input[1]"),
        ({"input": [[1], []]}, "input[1]"),
        ({"input": ["a", 1]}, "input[1]"),
        ({"input": [1, "a"]}, "input[1]"),
        ({"input": [-1]}, "input[0]"),
        ({"input": [True]}, "input[0]"),
        ({"input": None}, "input"),
        ({"input": {"text": "x"}}, "input"),
        ({}, "input"),
        ({"input": ["x"] * 2049}, "input"),
        ({"input": " "}, "input"),
        ({"input": ["fine", " \n"]}, "input[1]"),
        ({"input": [1] * 8193}, "input"),
        ({"input": [[1], [1] * 8193]}, "input[1]"),
        ({"input": [[1] * 8000] * 38}, "input"),
        ({"input": "x", "dimensions": 0}, "dimensions"),
        ({"input": "x", "dimensions": "64"}, "dimensions"),
        ({"input": "x", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "x", "stream": True}, "stream"),
        ({"input": "x", "user": 7}, "user"),
    ],
)
async def test_bad_input_is_refused_by_name_and_free(
    ada: Tenant, fields: dict[str, Any], param: str
) -> None:
    before = await balance(ada)
    call = await ask(ada, **fields)
    assert (call.status, call.error["param"]) == (400, param), call.raw
    await reading.drain()
    assert await balance(ada) == before


async def test_a_model_that_embeds_nothing_says_what_it_can(ada: Tenant) -> None:
    await ServedModel.objects.filter(id="scripted").aupdate(capabilities=["chat"])
    catalog.forget()
    call = await ask(ada, input="x")
    assert (call.status, call.error["code"]) == (400, "unsupported_model")
    assert call.error["param"] == "model"


async def test_a_strangers_private_model_does_not_exist(ada: Tenant) -> None:
    other = await Organisation.objects.acreate(name="Mallory's mill", slug="mallory")
    await ServedModel.objects.filter(id="scripted").aupdate(organisation=other)
    catalog.forget()
    for model in ("scripted", "no-such-model"):
        call = await ask(ada, input="x", model=model)
        assert (call.status, call.error["code"]) == (404, "model_not_found")


async def test_azures_path_names_the_model(ada: Tenant) -> None:
    call = await ask(
        ada, input="x", model="ignored", path="/openai/deployments/scripted/embeddings"
    )
    assert (call.status, call.json["model"]) == (200, "scripted")


async def test_a_client_that_leaves_is_not_charged(
    ada: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = asyncio.Event()

    async def endless(*_: object, **__: object) -> None:
        started.set()
        await asyncio.sleep(60)

    monkeypatch.setattr("inference.engines.scripted.ScriptedEngine.embed", endless)
    before = await balance(ada)
    call = ada.send(json.dumps({"model": "scripted", "input": "x"}).encode(), path="/v1/embeddings")
    await started.wait()
    call.leave()
    await call.task
    assert ((await settled_hold()).state, (await balance(ada))) == ("voided", before)
