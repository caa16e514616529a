"""What a process remembers of a key spares a statement, and decides nothing: the hold asks."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone
from prometheus_client import REGISTRY

from accounts import authentication, metering
from accounts.models import APIKey, Organisation, Refusal
from api import rate_limits
from api.rate_limits import Limits
from tests.inference.asgi import Tenant
from tests.inference.conftest import balance, cost, holds


def asked() -> float:
    """Statements about keys so far."""
    return REGISTRY.get_sample_value("batch_size_count", {"road": "keys"}) or 0


@pytest.fixture
async def bea(ada: Tenant) -> AsyncIterator[Tenant]:
    """Her key is remembered."""
    assert (await ada.ask("one two")).status == 200
    yield ada
    authentication.forget_all()


async def change(rows: type[APIKey] | type[Organisation], **fields: Any) -> None:
    await sync_to_async(rows.objects.update)(**fields)


@pytest.mark.parametrize("stream", [False, True])
async def test_the_hold_of_a_call_asks_about_its_key(bea: Tenant, stream: bool) -> None:
    before = asked()
    call = await bea.ask("one two", stream=stream)
    assert (call.status, asked()) == (200, before)
    assert call.answer_headers["openai-organization"] == bea.organisation_id
    assert await balance(bea) == (10**9 - 2 * cost(2, 2), 0)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "end", [{"revoked_at": timezone.now()}, {"expires_at": timezone.now() - timedelta(seconds=1)}]
)
async def test_a_key_that_ends_is_refused_on_its_next_call(
    bea: Tenant, end: dict[str, Any], stream: bool
) -> None:
    await change(APIKey, **end)
    for _ in range(2):
        call = await bea.ask("one two", stream=stream)
        assert (call.status, call.error["code"]) == (401, "invalid_api_key")
        assert not {"openai-organization", "x-ratelimit-limit-tokens"} & set(call.answer_headers)
    assert len(await holds()) == 1


async def test_a_key_that_ended_uses_its_meter_once_at_most(bea: Tenant) -> None:
    """Others may share it: those that it was rotated into."""
    meter = (await APIKey.objects.aget()).id
    await change(APIKey, revoked_at=timezone.now())
    rate_limits.forget_all()
    for _ in range(5):
        assert (await bea.ask("one two")).status == 401
    told = rate_limits.headers(meter, Limits(100, 100))
    assert int(told["x-ratelimit-remaining-requests"]) >= 99
    assert told["x-ratelimit-remaining-tokens"] == "100"


@pytest.mark.parametrize(
    "fields", [{"model": "nowhere"}, {"n": 0}, {"model": "chatbot/none"}, {"max_tokens": 9_000_000}]
)
async def test_nothing_is_told_by_a_key_that_has_ended(bea: Tenant, fields: dict[str, Any]) -> None:
    await change(APIKey, revoked_at=timezone.now())
    assert (await bea.ask("one two", **fields)).status == 401


async def test_a_suspended_organisation_is_refused_on_its_next_call(bea: Tenant) -> None:
    await change(Organisation, suspended_at=timezone.now())
    call = await bea.ask("one two")
    assert (call.status, call.error["code"]) == (403, "organisation_suspended")


async def test_what_a_key_may_changes_with_its_next_call(bea: Tenant) -> None:
    await change(APIKey, allowed_models=["other"])
    assert (await bea.ask("one two")).error["code"] == "model_not_allowed"
    await change(APIKey, allowed_models=None, budget_nano=1, budget_period="day")
    assert (await bea.ask("one two")).error["code"] == "key_budget_exceeded"
    await change(APIKey, budget_nano=None, budget_period=None, requests_per_minute=3)
    assert (await bea.ask("one two")).status == 429
    await change(APIKey, requests_per_minute=4)
    call = await bea.ask("one two")
    assert (call.status, call.answer_headers["x-ratelimit-limit-requests"]) == (200, "4")
    await change(APIKey, scopes=["usage:read"])
    assert (await bea.ask("one two")).status == 403


async def test_a_call_that_begins_once_more_counts_once(bea: Tenant) -> None:
    await change(APIKey, requests_per_minute=1_000)
    rate_limits.forget_all()
    call = await bea.ask("one two")
    assert call.answer_headers["x-ratelimit-remaining-requests"] == "999"
    assert len(await holds()) == 2


@pytest.mark.parametrize("limits", [{"requests_per_minute": 1}, {"tokens_per_minute": 30}])
async def test_a_refusal_is_counted_once(bea: Tenant, limits: dict[str, int]) -> None:
    await change(APIKey, **limits)
    assert (await bea.ask("one two", max_tokens=28)).status == 429
    before = asked()
    assert (await bea.ask("one two", max_tokens=28)).status == 429
    assert asked() == before + 1, "it was refused by what is remembered"
    await metering.write()
    assert [one.calls async for one in Refusal.objects.all()] == [2]


async def test_a_refusal_of_the_engine_is_told_as_it_is(bea: Tenant) -> None:
    assert (await bea.ask("#reject=messages")).error["param"] == "messages"
    assert (await bea.ask("#words=3 #fail=0")).status == 503


async def test_an_idempotency_key_asks_before_it_is_answered_again(bea: Tenant) -> None:
    key = {"idempotency-key": "k"}
    assert (await bea.ask("one two", headers=key)).status == 200
    await change(APIKey, revoked_at=timezone.now())
    assert (await bea.ask("one two", headers=key)).status == 401
