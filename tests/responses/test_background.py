"""Responses in the background: answered at once, followed, cancelled, lost; retried calls, too."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from billing.models import Hold
from billing.pricing import usd
from inference.models import Response
from inference.responses import fail_lost, keeping, recording, rows
from inference.responses.following import follow
from tests.inference.asgi import Tenant, until
from tests.inference.conftest import balance, cost, holds, only_hold
from tests.patience import PATIENCE
from tests.responses.test_events import accepted
from tests.responses.wire import ask, call, cancel, read, said


async def done(tenant: Tenant, response_id: str) -> dict[str, Any]:
    async with asyncio.timeout(PATIENCE):
        while True:
            body: dict[str, Any] = (await read(tenant, response_id)).json
            if body["status"] not in {"queued", "in_progress"}:
                return body
            await asyncio.sleep(0.01)


async def started(tenant: Tenant, words: str = "#words=400 #pace=5") -> dict[str, Any]:
    """A response in the background that has begun to answer."""
    body: dict[str, Any] = (await ask(tenant, words, background=True)).json
    async with asyncio.timeout(PATIENCE):
        async for events in follow(tenant.organisation_id, body["id"]):
            if events[-1].number > 5:
                break
    return body


async def test_it_is_queued_then_in_progress_then_completed(bakery: Tenant) -> None:
    call = await ask(bakery, "#words=20 #pace=10", background=True)
    assert (call.status, call.json["status"]) == (200, "queued")
    assert (call.json["background"], call.json["output"]) == (True, [])
    seen = {(await read(bakery, call.json["id"])).json["status"]}
    await asyncio.sleep(0.1)
    seen.add((await read(bakery, call.json["id"])).json["status"])
    assert seen <= {"queued", "in_progress"}
    assert "in_progress" in seen
    body = await done(bakery, call.json["id"])
    assert (body["status"], body["usage"]["output_tokens"]) == ("completed", 20)
    assert (await only_hold()).charged == cost(2, 20)


async def test_its_stream_is_live_and_begins_with_queued(bakery: Tenant) -> None:
    made = call(bakery, "#words=6 #pace=5", background=True, stream=True)
    await made.finished()
    assert made.kinds[:3] == ["created", "queued", "in_progress"]
    assert made.kinds[-1] == "completed"
    accepted(made.typed)
    first = await ask(bakery, "#words=20 #pace=5", background=True)
    followed = await read(bakery, first.json["id"], "?stream=true")
    assert followed.kinds[:3] == ["created", "queued", "in_progress"]
    assert len([kind for kind in followed.kinds if kind == "output_text.delta"]) == 20


async def test_what_is_refused_is_refused_at_once(bakery: Tenant, mill: Tenant) -> None:
    call = await ask(bakery, "#reject=messages", background=True)
    assert (call.status, call.error["param"]) == (400, "input")
    call = await ask(bakery, "word " * 9000, background=True, stream=True)
    assert (call.status, call.error["code"]) == (400, "context_length_exceeded")
    assert await Response.objects.acount() == 0


async def test_a_failure_is_its_answer(bakery: Tenant) -> None:
    call = await ask(bakery, "#fail=0 a", background=True)
    body = await done(bakery, call.json["id"])
    assert (body["status"], body["error"]["code"]) == ("failed", "server_error")
    assert body["usage"]["cost"] == "0.00"
    assert await balance(bakery) == (10**9, 0)
    followed = await read(bakery, call.json["id"], "?stream=true")
    assert followed.kinds == ["created", "queued", "error", "failed"]


async def test_cancelling_charges_what_was_generated(bakery: Tenant) -> None:
    response = await started(bakery)
    following = asyncio.create_task(read(bakery, response["id"], "?stream=true"))
    body = (await cancel(bakery, response["id"])).json
    assert body["status"] == "cancelled"
    tokens = body["usage"]["output_tokens"]
    assert 0 < tokens < 400
    assert len(said(body).split()) == tokens
    hold = await only_hold()
    assert (hold.charged, hold.finish_reason) == (cost(2, tokens), "cancelled")
    assert (await cancel(bakery, response["id"])).json == body
    assert (await read(bakery, response["id"])).json == body
    assert (await following).typed[-1]["response"] == body


async def test_cancelling_what_is_done_changes_nothing(bakery: Tenant) -> None:
    response = (await ask(bakery, background=True)).json
    body = await done(bakery, response["id"])
    assert (await cancel(bakery, response["id"])).json == body


async def test_only_the_background_can_be_cancelled_and_only_by_its_owner(
    bakery: Tenant, mill: Tenant
) -> None:
    plain = (await ask(bakery)).json
    assert (await cancel(bakery, plain["id"])).status == 400
    response = await started(bakery)
    assert (await cancel(mill, response["id"])).status == 404
    assert (await cancel(mill, "resp_unknown")).status == 404
    assert (await read(bakery, response["id"])).json["status"] == "in_progress"
    assert (await cancel(bakery, response["id"])).json["status"] == "cancelled"


async def test_another_process_can_cancel(bakery: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "LOOK_SECONDS", 0.02)
    response = await started(bakery)
    monkeypatch.setattr(recording, "_open", {})
    assert (await cancel(bakery, response["id"])).json["status"] == "cancelled"
    hold = await only_hold()
    assert (hold.finish_reason, hold.completion_tokens < 400) == ("cancelled", True)
    body = (await read(bakery, response["id"])).json
    assert (body["status"], body["usage"]["output_tokens"]) == (
        "cancelled", hold.completion_tokens
    )  # fmt: skip


async def test_one_that_is_cancelled_and_deleted_at_once_does_not_come_back(
    bakery: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "LOOK_SECONDS", 0.2)
    response = await started(bakery)
    monkeypatch.setattr(recording, "_open", {})  # it runs in another process
    await rows.cancel(bakery.organisation_id, response["id"])
    await sync_to_async(keeping.delete)(bakery.organisation_id, response["id"])
    await until(lambda: not recording._tasks)
    assert await Response.objects.acount() == 0


async def test_what_is_deleted_or_was_not_to_be_kept_cannot_be_streamed_again(
    bakery: Tenant,
) -> None:
    kept = (await ask(bakery, "one two", stream=True)).typed[0]["response"]["id"]
    assert (await read(bakery, kept, "?stream=true")).status == 200
    await sync_to_async(keeping.delete)(bakery.organisation_id, kept)
    made = await ask(bakery, "one two", stream=True, store=False)
    unkept = made.typed[0]["response"]["id"]
    for gone in (kept, unkept):
        for query in ("?stream=true", "?stream=true&starting_after=1", ""):
            assert (await read(bakery, gone, query)).status == 404


async def test_one_that_runs_can_be_followed_before_it_has_a_row(bakery: Tenant) -> None:
    made = call(bakery, "#words=30 #pace=5", stream=True)
    running = asyncio.ensure_future(made.finished())
    await until(lambda: made.raw.count(b"event: ") > 3)
    followed = await read(bakery, made.typed[0]["response"]["id"], "?stream=true")
    assert followed.kinds[-1] == "completed"
    await running


async def test_what_was_charged_for_a_dead_process_is_told(bakery: Tenant) -> None:
    response = await started(bakery)
    await cancel(bakery, response["id"])
    hold = await only_hold()
    without = {**(await read(bakery, response["id"])).json, "usage": None}
    for status in ("cancelled", "failed"):  # as `rows.cancel` and the sweep leave it
        await Response.objects.filter(pk=response["id"]).aupdate(
            status=status, body={**without, "status": status}
        )
        told = (await read(bakery, response["id"])).json["usage"]
        assert (told["input_tokens"], told["output_tokens"]) == (2, hold.completion_tokens)
        assert told["cost"] == usd(hold.charged)
    await Hold.objects.aupdate(state="open", charged=0, closed_at=None)
    assert (await read(bakery, response["id"])).json["usage"] is None  # not charged yet


async def test_what_is_still_running_cannot_be_gone_on_from(bakery: Tenant) -> None:
    response = await started(bakery)
    call = await ask(bakery, previous_response_id=response["id"])
    assert (call.status, call.error["param"]) == (400, "previous_response_id")
    await cancel(bakery, response["id"])


async def test_what_a_dead_process_left_fails_and_what_lives_does_not(bakery: Tenant) -> None:
    response = await started(bakery)
    body = {**response, "id": "resp_" + "0" * 32}
    hour = timezone.now() - timedelta(hours=1)
    await Response.objects.acreate(
        id=body["id"], organisation_id=bakery.organisation_id, status="queued", input=[],
        model="scripted", background=True, created_at=hour, body=body,
    )  # fmt: skip
    await Response.objects.filter(pk=response["id"]).aupdate(created_at=hour)
    assert await sync_to_async(fail_lost)() == 1
    lost = (await read(bakery, body["id"])).json
    assert (lost["status"], lost["error"]["code"]) == ("failed", "server_error")
    assert (await read(bakery, body["id"], "?stream=true")).kinds[-1] == "failed"
    assert (await read(bakery, response["id"])).json["status"] == "in_progress"
    assert (await cancel(bakery, response["id"])).json["status"] == "cancelled"
    assert await sync_to_async(fail_lost)() == 0


KEY = {"idempotency-key": "order-7"}


@pytest.mark.parametrize("fields", [{}, {"store": False}, {"stream": True}, {"background": True}])
async def test_a_retried_call_is_one_charge_and_one_answer(
    bakery: Tenant, fields: dict[str, Any]
) -> None:
    first = await ask(bakery, headers=KEY, **fields)
    await until(lambda: not recording._tasks)
    again = await ask(bakery, headers=KEY, **fields)
    assert again.answer_headers["idempotent-replayed"] == "true"
    assert len(await holds()) == 1
    if "stream" in fields:
        assert again.typed[-1]["response"] == first.typed[-1]["response"]
        accepted(again.typed)
    elif "background" in fields:
        assert again.json["id"] == first.json["id"]
        assert again.json["status"] == "completed"
    else:
        assert again.raw == first.raw
    assert await Response.objects.acount() == (0 if fields.get("store") is False else 1)


async def test_an_answer_that_ends_while_its_row_is_changed_is_whole(
    bakery: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slowly(*_: str) -> None:
        await asyncio.sleep(0.3)

    monkeypatch.setattr(rows, "begin", slowly)
    response = await ask(bakery, background=True, headers=KEY)
    body = await done(bakery, response.json["id"])
    assert (body["status"], said(body)) == ("completed", "one two")


async def test_a_retry_while_the_first_runs_is_told_to_wait(bakery: Tenant) -> None:
    calls = await asyncio.gather(
        *(ask(bakery, "#words=9 #pace=20", headers=KEY, stream=True) for _ in range(9))
    )
    assert sorted(call.status for call in calls) == [200] + [409] * 8
    assert (await only_hold()).charged == cost(2, 9)
    assert await Hold.objects.acount() == 1
