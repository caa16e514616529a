"""What every generating call goes through: key, limits, model, money; headers on each answer."""

import asyncio
import json
import re

import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings

from accounts import keys
from accounts.models import APIKey, Organisation
from inference import catalog
from inference.gateway.routes import PREFIXES
from inference.models import ModelAlias, ServedModel
from tests.inference.asgi import Call, Tenant
from tests.inference.conftest import Fund, balance, cost, holds, only_hold

PATHS = [prefix + path for path in ("/chat/completions", "/completions") for prefix in PREFIXES]
LIMIT_HEADERS = {
    f"x-ratelimit-{what}-{unit}"
    for what in ("limit", "remaining", "reset")
    for unit in ("requests", "tokens")
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("words", "fields", "status"),
    [
        ("Hello", {}, 200),
        ("Hello", {"temperature": 9}, 400),
        ("Hello", {"model": "nobody"}, 404),
        ("#overload", {}, 503),
    ],
)
async def test_every_authenticated_answer_carries_limits_and_ids(
    ada: Tenant, words: str, fields: dict[str, object], status: int, stream: bool
) -> None:
    call = await ada.ask(words, stream=stream, **fields)
    assert call.status == status
    assert call.answer_headers.keys() >= LIMIT_HEADERS
    assert re.fullmatch("req_[0-9a-f]{32}", call.answer_headers["x-request-id"])
    assert call.answer_headers["openai-processing-ms"].isdigit()
    assert call.answer_headers["openai-organization"] == ada.organisation_id
    assert call.answer_headers["cache-control"] == "no-store"


async def test_the_generation_bears_the_digits_of_the_request(ada: Tenant) -> None:
    call = await ada.ask()
    digits = call.answer_headers["x-request-id"].removeprefix("req_")
    assert call.json["id"] == f"chatcmpl-{digits}"
    assert (await only_hold()).id == f"gen_{digits}"


async def test_a_streams_headers_count_its_whole_estimate_and_later_ones_what_it_used(
    ada: Tenant,
) -> None:
    during = await ada.ask("#words=3 #pace=5", stream=True, max_tokens=1000)
    assert during.answer_headers["x-ratelimit-remaining-tokens"] == str(100_000_000 - 1002)
    after = await ada.ask("x", temperature=9)
    assert after.answer_headers["x-ratelimit-remaining-tokens"] == str(100_000_000 - 5)


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer sk-wrong", "Basic eDp5"])
async def test_without_a_good_key_it_is_a_401_before_anything_else(
    ada: Tenant, authorization: str
) -> None:
    call = await ada.send(b"not json", headers={"authorization": authorization}).finished()
    assert (call.status, call.error["code"]) == (401, "invalid_api_key")
    assert "sk-wrong" not in call.raw.decode()
    assert "x-request-id" in call.answer_headers


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD", "OPTIONS"])
async def test_other_methods_are_a_405_in_the_envelope(ada: Tenant, path: str, method: str) -> None:
    call = await ada.send(b"", path=path, method=method).finished()
    assert (call.status, call.error["code"]) == (405, "method_not_allowed")
    assert call.answer_headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/v1/chat/completions/x", "/v1/chat/completions/", "/nothing"])
async def test_unknown_paths_are_a_404_in_the_envelope(ada: Tenant, path: str) -> None:
    call = await ada.send(b"{}", path=path).finished()
    assert (call.status, call.error["code"]) == (404, "not_found")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b'{"messages": NaN}', b"\xff"])
async def test_what_is_no_json_object_is_a_400(ada: Tenant, body: bytes) -> None:
    call = await ada.send(body).finished()
    assert (call.status, call.error["type"]) == (400, "invalid_request_error")


async def test_an_oversized_body_is_a_413_with_limits_too(ada: Tenant) -> None:
    call = await ada.send(b"x" * (4 * 1024 * 1024 + 1)).finished()
    assert (call.status, call.error["code"]) == (413, "request_too_large")
    assert call.answer_headers.keys() >= LIMIT_HEADERS


async def test_a_body_in_pieces_is_put_together(ada: Tenant) -> None:
    body = json.dumps({"model": "scripted", "messages": [{"role": "user", "content": "a b"}]})
    call = Call(b"", {"authorization": f"Bearer {ada.api_key}", "host": "testserver"})
    call._inbox.get_nowait()
    for letter in body:
        call._inbox.put_nowait({"type": "http.request", "body": letter.encode(), "more_body": True})
    call._inbox.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    assert (await call.finished()).json["usage"]["prompt_tokens"] == 2


async def test_the_request_over_the_limit_is_a_429_and_costs_nothing(
    money: None, fund: Fund
) -> None:
    tenant = await sync_to_async(fund)("Three a minute", requests_per_minute=3)
    calls = [await tenant.ask("a") for _ in range(4)]
    assert [call.status for call in calls] == [200, 200, 200, 429]
    refused = calls[-1]
    assert refused.error["code"] == "rate_limit_exceeded"
    assert 0 < int(refused.answer_headers["retry-after"]) <= 60
    assert refused.answer_headers["x-ratelimit-remaining-requests"] == "0"
    assert await balance(tenant) == (10**9 - 3 * cost(1, 1), 0)


async def test_parallel_calls_never_pass_the_token_limit(money: None, fund: Fund) -> None:
    tenant = await sync_to_async(fund)("Herd", tokens_per_minute=1000)
    calls = await asyncio.gather(
        *(tenant.ask("#words=99 #pace=1", max_tokens=98) for _ in range(50))
    )
    assert sorted({call.status for call in calls}) == [200, 429]
    assert sum(call.status == 200 for call in calls) == 10


async def test_a_call_that_no_minute_can_hold_says_so(money: None, fund: Fund) -> None:
    tenant = await sync_to_async(fund)("Small", tokens_per_minute=100)
    call = await tenant.ask("a", max_tokens=500)
    assert call.status == 429
    assert "100" in str(call.error["message"])


async def test_a_mistaken_call_counts_as_a_request_and_a_429_does_not(
    money: None, fund: Fund
) -> None:
    tenant = await sync_to_async(fund)("Counted", requests_per_minute=10, tokens_per_minute=100)
    left = [
        (await tenant.ask("a", **fields)).answer_headers["x-ratelimit-remaining-requests"]
        for fields in ({"temperature": 9}, {"model": "nobody"}, {"max_tokens": 500})
    ]
    assert left == ["9", "8", "8"]


async def test_a_refused_hold_gives_the_tokens_back(money: None, fund: Fund) -> None:
    tenant = await sync_to_async(fund)("Broke", nano=0, tokens_per_minute=5000)
    for _ in range(10):
        call = await tenant.ask("a b", max_tokens=1000)
        assert (call.status, call.error["code"]) == (403, "insufficient_balance")
    assert call.answer_headers["x-ratelimit-remaining-tokens"] == "5000"
    assert await holds() == []


async def test_the_balance_lowers_the_output_before_it_refuses(money: None, fund: Fund) -> None:
    tenant = await sync_to_async(fund)("Twenty tokens", nano=cost(2, 20))
    call = await tenant.ask("#fill x", max_tokens=500)
    assert call.status == 200
    assert call.answer_headers["x-max-tokens-lowered"] == "20"
    assert call.json["usage"]["completion_tokens"] == 20
    assert call.json["choices"][0]["finish_reason"] == "length"
    assert await balance(tenant) == (0, 0)
    assert (await tenant.ask("#fill x", max_tokens=500, stream=True)).status == 403


async def test_how_little_output_is_still_worth_while_is_a_setting(
    money: None, fund: Fund, settings: Settings
) -> None:
    tenant = await sync_to_async(fund)(nano=cost(1, 20))
    settings.LEAST_OUTPUT_TOKENS = 21
    assert (await tenant.ask("#fill", max_tokens=500)).status == 403
    settings.LEAST_OUTPUT_TOKENS = 20
    assert (await tenant.ask("#fill", max_tokens=500)).status == 200


async def test_the_balance_admits_exactly_what_it_pays_for(money: None, fund: Fund) -> None:
    tenant = await sync_to_async(fund)("Ten charges", nano=10 * cost(1, 50))
    calls = await asyncio.gather(*(tenant.ask("#fill", max_tokens=50) for _ in range(200)))
    assert sorted({call.status for call in calls}) == [200, 403]
    assert sum(call.status == 200 for call in calls) == 10
    assert await balance(tenant) == (0, 0)


async def test_an_unknown_model_is_a_404_before_any_byte(ada: Tenant) -> None:
    call = await ada.ask(model="nobody/knows:this", stream=True)
    assert (call.status, call.error["code"], call.error["param"]) == (
        404, "model_not_found", "model",
    )  # fmt: skip
    assert await holds() == []


async def test_an_alias_answers_under_the_name_that_was_asked_for(ada: Tenant) -> None:
    await ModelAlias.objects.acreate(name="gpt-9", model_id="scripted")
    call = await ada.ask(model="gpt-9")
    assert call.json["model"] == "gpt-9"
    assert (await only_hold()).model == "scripted"


async def test_without_a_model_the_organisations_default_answers(ada: Tenant) -> None:
    await Organisation.objects.filter(id=ada.organisation_id).aupdate(default_model="scripted")
    for fields in ({"model": None}, {}):
        body = {"messages": [{"role": "user", "content": "a"}], **fields}
        call = await ada.send(json.dumps(body).encode()).finished()
        assert call.json["model"] == "scripted"


async def test_a_key_may_be_bound_to_models(ada: Tenant) -> None:
    await APIKey.objects.aupdate(allowed_models=["other"])
    call = await ada.ask()
    assert (call.status, call.error["code"]) == (403, "model_not_allowed")
    await APIKey.objects.aupdate(allowed_models=["scripted"])
    assert (await ada.ask()).status == 200


async def test_a_key_without_the_scope_may_not_generate(ada: Tenant) -> None:
    await APIKey.objects.aupdate(scopes=["models:read"])
    call = await ada.ask()
    assert (call.status, call.error["code"]) == (403, "insufficient_scope")


async def test_a_model_without_a_chat_template_refuses_chats_and_says_what_it_can(
    ada: Tenant,
) -> None:
    await ServedModel.objects.filter(id="scripted").aupdate(capabilities=["completions"])
    catalog.forget()
    call = await ada.ask()
    assert (call.status, call.error["code"], call.error["param"]) == (
        400, "unsupported_model", "model",
    )  # fmt: skip
    assert "completions" in call.error["message"]


async def test_a_model_that_is_not_installed_is_a_503(ada: Tenant) -> None:
    await ServedModel.objects.filter(id="scripted").aupdate(state="not_installed")
    catalog.forget()
    call = await ada.ask(stream=True)
    assert (call.status, call.error["code"]) == (503, "model_unavailable")
    assert "retry-after" in call.answer_headers


async def test_a_rotated_key_counts_on_its_predecessors_meter(money: None, fund: Fund) -> None:
    tenant = await sync_to_async(fund)(requests_per_minute=2)
    old = await APIKey.objects.aget()
    made = await sync_to_async(keys.issue)(
        old.organisation_id, scopes=["inference"], requests_per_minute=2, origin_id=old.id
    )
    successor = Tenant(tenant.organisation_id, made[1])
    assert [(await one.ask()).status for one in (tenant, successor, tenant, successor)] == [
        200, 200, 429, 429,
    ]  # fmt: skip


async def test_a_key_budget_refuses_before_the_balance_does(ada: Tenant) -> None:
    await APIKey.objects.aupdate(budget_nano=cost(1, 20), budget_period="day")
    assert (await ada.ask("#fill", max_tokens=20)).status == 200
    call = await ada.ask("#fill", max_tokens=20)
    assert (call.status, call.error["code"]) == (403, "key_budget_exceeded")


async def test_cached_prompt_tokens_are_cheaper_and_reported(ada: Tenant) -> None:
    call = await ada.ask("#cached=2 a b")
    assert call.json["usage"]["prompt_tokens_details"]["cached_tokens"] == 2
    assert (await only_hold()).charged == cost(3, 2, cached=2)
