"""One Idempotency-Key, one charge, one answer: at once, afterwards, streamed or whole."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from accounts.models import IdempotencyRecord
from billing.pricing import usd
from inference.stored_completions import completions
from tests.inference.asgi import Call, Tenant
from tests.inference.conftest import cost, holds, only_hold

KEY = {"idempotency-key": "order-7"}


async def ask(tenant: Tenant, words: str = "one two", **fields: Any) -> Call:
    return await tenant.ask(words, headers=KEY, **fields)


@pytest.mark.parametrize("stream", [False, True])
async def test_twenty_at_once_are_one_charge(ada: Tenant, stream: bool) -> None:
    calls = await asyncio.gather(*(ask(ada, "#words=9 #pace=20", stream=stream) for _ in range(20)))
    assert sorted(call.status for call in calls) == [200] + [409] * 19
    refused = [call for call in calls if call.status == 409]
    assert {call.error["code"] for call in refused} == {"idempotency_in_flight"}
    assert all("retry-after" in call.answer_headers for call in refused)
    assert (await only_hold()).charged == cost(2, 9)


async def test_the_finished_answer_comes_again(ada: Tenant) -> None:
    first, again = await ask(ada), await ask(ada)
    assert again.status == 200
    assert again.raw == first.raw
    assert again.answer_headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.answer_headers
    assert again.answer_headers["x-request-cost"] == first.answer_headers["x-request-cost"]
    assert again.answer_headers["x-request-id"] != first.answer_headers["x-request-id"]
    assert len(await holds()) == 1


async def test_a_stream_is_replayed_as_the_same_stream(ada: Tenant) -> None:
    fields: dict[str, Any] = {
        "stream": True,
        "stream_options": {"include_usage": True},
        "n": 2,
        "logprobs": True,
    }
    first, again = await ask(ada, **fields), await ask(ada, **fields)
    assert again.answer_headers["idempotent-replayed"] == "true"
    assert again.answer_headers["content-type"].startswith("text/event-stream")
    assert again.events[0] == first.events[0]
    assert again.events[-1] == first.events[-1]
    assert _said(again) == _said(first)
    assert {event["id"] for event in again.events} == {first.events[0]["id"]}


def _said(call: Call) -> list[tuple[str, list[str], list[str]]]:
    said: list[tuple[str, list[str], list[str]]] = [("", [], []), ("", [], [])]
    for event in call.events:
        for choice in event["choices"]:
            text, tokens, reasons = said[choice["index"]]
            text += choice["delta"].get("content", "")
            tokens += [t["token"] for t in (choice["logprobs"] or {}).get("content", [])]
            reasons += [choice["finish_reason"]] if choice["finish_reason"] else []
            said[choice["index"]] = (text, tokens, reasons)
    return said


async def test_another_body_or_path_with_the_same_key_is_refused(ada: Tenant) -> None:
    await ask(ada)
    other = await ask(ada, "three")
    elsewhere = await ada.call("one two", path="/v1/completions", headers=KEY).finished()
    for call in (other, elsewhere):
        assert (call.status, call.error["code"]) == (422, "idempotency_key_reused")
    assert len(await holds()) == 1


async def test_the_prefix_of_the_path_makes_no_difference(ada: Tenant) -> None:
    first = await ask(ada)
    again = await ada.call("one two", path="/chat/completions", headers=KEY).finished()
    assert again.raw == first.raw


async def test_who_lost_the_connection_gets_the_whole_answer_on_retry(ada: Tenant) -> None:
    call = ada.call("#words=20 #pace=5", headers=KEY, stream=True)
    await call.came(4)
    call.leave()
    await call.finished()
    assert (await only_hold()).completion_tokens == 20
    again = await ask(ada, "#words=20 #pace=5", stream=True)
    assert "w20" in again.raw.decode()
    assert len(await holds()) == 1


@pytest.mark.parametrize("script", ["#reject=x", "#overload", "#words=3 #fail=0"])
async def test_a_failure_that_cost_nothing_leaves_the_key_free(ada: Tenant, script: str) -> None:
    first, again = await ask(ada, script), await ask(ada, script)
    assert first.status == again.status != 409
    assert "idempotent-replayed" not in again.answer_headers


async def test_a_failure_after_charged_tokens_is_the_answer_that_comes_again(ada: Tenant) -> None:
    await ask(ada, "#words=5 #fail=2", stream=True)
    again = await ask(ada, "#words=5 #fail=2", stream=True)
    assert (again.status, again.error["code"]) == (503, "generation_failed")
    assert again.answer_headers["x-should-retry"] == "false"
    assert again.answer_headers["x-request-cost"] == usd(cost(2, 2))
    assert (await only_hold()).charged == cost(2, 2)


async def test_errors_before_the_hold_are_not_kept(ada: Tenant) -> None:
    assert (await ask(ada, temperature=9)).status == 400
    assert (await ask(ada)).status == 200


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_a_key_of_the_wrong_shape_is_a_400(ada: Tenant, key: str) -> None:
    call = await ada.ask(headers={"idempotency-key": key})
    assert (call.status, call.error["param"]) == (400, "idempotency-key")
    assert await holds() == []


async def test_an_answer_that_was_deleted_does_not_come_again(ada: Tenant) -> None:
    first = await ask(ada, store=True)
    assert (await ask(ada, store=True)).json["id"] == first.json["id"]
    await sync_to_async(completions.delete)(ada.organisation_id, first.json["id"])
    again = await ask(ada, store=True)
    assert (again.status, again.error["code"]) == (409, "idempotency_answer_lost")
    assert (await IdempotencyRecord.objects.aget()).body is None
    assert (await only_hold()).state == "settled"  # nor is it made a second time
