"""Stored responses: read again, gone on from, in conversations; and unknown to strangers."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from inference import conversations, event_log
from inference.models import Conversation, ConversationItem, Response
from inference.responses import following, keeping, recording, rows
from tests.inference.asgi import Tenant
from tests.inference.conftest import balance, holds
from tests.patience import PATIENCE
from tests.responses.test_events import TEXT, accepted
from tests.responses.test_objects import WEATHER
from tests.responses.wire import ask, cancel, get, read, said


async def made(tenant: Tenant, words: Any = "one two", **fields: Any) -> dict[str, Any]:
    call = await ask(tenant, words, **fields)
    assert call.status == 200, call.raw
    body: dict[str, Any] = call.json
    return body


async def test_a_response_can_be_read_again(bakery: Tenant) -> None:
    first = await made(bakery, metadata={"order": "7"})
    again = await read(bakery, first["id"], "?include[]=message.output_text.logprobs")
    assert (again.status, again.json) == (200, first)
    assert (await read(bakery, first["id"], "?stream=perhaps")).error["param"] == "stream"
    assert (await read(bakery, "resp_unknown")).status == 404


async def test_what_is_not_stored_cannot_be_read_nor_gone_on_from(bakery: Tenant) -> None:
    first = await made(bakery, store=False)
    assert (await read(bakery, first["id"])).status == 404
    call = await ask(bakery, previous_response_id=first["id"])
    assert (call.status, call.error["code"]) == (400, "previous_response_not_found")
    assert call.error["param"] == "previous_response_id"


async def test_a_response_goes_on_from_all_before_it_but_for_instructions(bakery: Tenant) -> None:
    first = await made(bakery, "a b c", instructions="i i i i i i i")
    second = await made(bakery, "d e", previous_response_id=first["id"])
    assert second["usage"]["input_tokens"] == 3 + 3 + 2
    third = await made(bakery, "f", previous_response_id=second["id"], instructions="j")
    assert third["usage"]["input_tokens"] == 8 + 2 + 1 + 1
    assert third["previous_response_id"] == second["id"]
    branch = await made(bakery, "g", previous_response_id=first["id"])
    assert branch["usage"]["input_tokens"] == 3 + 3 + 1


async def test_an_agent_answers_a_call_by_its_id(bakery: Tenant) -> None:
    first = await made(bakery, '#call=get_weather "Kyoto"', tools=[WEATHER])
    (call,) = first["output"]
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain today"}
    second = await made(bakery, [output], tools=[WEATHER], previous_response_id=first["id"])
    assert "rain today" in said(second)
    third = await made(bakery, "thanks", previous_response_id=second["id"])  # the call comes first
    assert said(third) == "thanks"
    by_hand = [{"role": "user", "content": '"Kyoto"?'}, call, output]
    assert "rain today" in said(await made(bakery, by_hand, tools=[WEATHER], store=False))
    stray = {**output, "call_id": "call_other"}
    refused = await ask(bakery, [stray], previous_response_id=first["id"])
    assert (refused.status, refused.error["param"]) == (400, "input")


async def test_items_can_be_named_instead_of_sent(bakery: Tenant, mill: Tenant) -> None:
    first = await made(bakery, "a b c")
    (item,) = first["output"]
    row = await Response.objects.aget(pk=first["id"])
    named = [{"type": "item_reference", "id": row.input[0]["id"]}, {"id": item["id"]}]
    second = await made(bakery, [*named, {"role": "user", "content": "d"}])
    assert second["usage"]["input_tokens"] == 3 + 3 + 1
    refused = await ask(mill, named)
    assert (refused.status, refused.error["param"]) == (400, "input[0].id")


async def test_a_conversation_is_read_and_grows(bakery: Tenant, mill: Tenant) -> None:
    conversation = await Conversation.objects.acreate(organisation_id=bakery.organisation_id)
    first = await made(bakery, "a b", conversation=conversation.id)
    assert first["conversation"] == {"id": conversation.id}
    stream = await ask(bakery, "c", conversation={"id": conversation.id}, stream=True)
    assert stream.typed[-1]["response"]["usage"]["input_tokens"] == 2 + 2 + 1
    items = await conversations.items(bakery.organisation_id, conversation.id)
    assert [item["content"][0]["text"] for item in items] == ["a b", "a b", "c", "c"]
    assert items[1]["id"] == first["output"][0]["id"]
    assert (await ask(mill, conversation=conversation.id)).status == 404
    assert (await ask(bakery, conversation="conv_unknown")).status == 404


async def test_one_made_in_a_conversation_is_gone_on_from_with_what_stood_before_it(
    bakery: Tenant,
) -> None:
    conversation = await Conversation.objects.acreate(organisation_id=bakery.organisation_id)
    await made(bakery, "a b", conversation=conversation.id)
    second = await made(bakery, "c", conversation=conversation.id)
    await made(bakery, "d e f g", conversation=conversation.id)  # later: not its context
    branch = await made(bakery, "h", previous_response_id=second["id"])
    assert branch["usage"]["input_tokens"] == 2 + 2 + 1 + 1 + 1
    again = await made(bakery, "i", previous_response_id=branch["id"])
    assert again["usage"]["input_tokens"] == 7 + 1 + 1
    await ConversationItem.objects.filter(data__content__0__text="c").adelete()  # hers, too
    gone = await made(bakery, "h", previous_response_id=second["id"])
    assert gone["usage"]["input_tokens"] >= 2 + 2 + 1 + 1 + 1  # the moment decides, to the second
    await conversation.adelete()
    alone = await made(bakery, "j", previous_response_id=second["id"])
    assert alone["usage"]["input_tokens"] == 1 + 1 + 1


async def test_a_conversation_that_is_too_large_is_refused_unread(
    bakery: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_SIZE", 2_000)
    conversation = await Conversation.objects.acreate(organisation_id=bakery.organisation_id)
    items = [{"id": f"msg_{n}", "type": "message", "text": "x" * 900} for n in range(9)]
    await conversations.append(bakery.organisation_id, conversation.id, items)
    refused = await ask(bakery, "hello", conversation=conversation.id)
    assert (refused.status, refused.error["code"]) == (400, "context_length_exceeded")
    assert refused.error["param"] == "conversation"


async def test_a_failed_answer_leaves_its_conversation_as_it_was(bakery: Tenant) -> None:
    conversation = await Conversation.objects.acreate(organisation_id=bakery.organisation_id)
    await ask(bakery, "#words=5 #fail=2", conversation=conversation.id, stream=True)
    assert await conversations.items(bakery.organisation_id, conversation.id) == []


async def test_a_conversation_deleted_meanwhile_does_not_take_the_answer_along(
    bakery: Tenant,
) -> None:
    conversation = await Conversation.objects.acreate(organisation_id=bakery.organisation_id)
    asking = asyncio.create_task(ask(bakery, "#words=9 #pace=20", conversation=conversation.id))
    await asyncio.sleep(0.1)
    await conversation.adelete()
    call = await asking
    assert call.status == 200
    assert (await read(bakery, call.json["id"])).json == call.json


async def test_events_come_again_from_the_log_and_from_the_row(bakery: Tenant) -> None:
    call = await ask(bakery, "a b", stream=True)
    response = call.typed[-1]["response"]
    again = await read(bakery, response["id"], "?stream=true")
    assert again.typed == call.typed
    rest = await read(bakery, response["id"], "?stream=true&starting_after=6")
    assert rest.typed == call.typed[7:]
    await recording.drain()
    await event_log.close()  # as after ten minutes, or another start
    made_again = await read(bakery, response["id"], "?stream=true")
    assert made_again.kinds == [*TEXT[:4], "output_text.delta", *TEXT[6:]]
    assert accepted(made_again.typed).output_text == "a b"
    assert made_again.typed[-1]["response"] == response
    rest = await read(bakery, response["id"], "?stream=true&starting_after=3")
    assert rest.typed == made_again.typed[4:]
    late = await read(bakery, response["id"], "?stream=true&starting_after=400")
    assert [(event["type"], event["sequence_number"]) for event in late.typed] == [
        ("response.completed", 401)
    ]


async def test_who_leaves_is_not_followed_to_the_end(
    bakery: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LOOK_SECONDS", 0.01)
    running = await ask(bakery, "#words=900 #pace=100", background=True)
    watched = get(bakery, running.json["id"], "?stream=true")
    await watched.came(3)
    watched.leave()
    async with asyncio.timeout(PATIENCE):
        await watched.finished()
    await cancel(bakery, running.json["id"])


async def test_calls_come_again_from_the_row(bakery: Tenant) -> None:
    tools = [WEATHER, {"type": "custom", "name": "shell"}]
    words = '#call=get_weather #call=shell "Kyoto"'
    response = await made(bakery, words, tools=tools)
    again = await read(bakery, response["id"], "?stream=true")
    done = [event["item"] for event in again.typed if event["type"].endswith("item.done")]
    assert done == response["output"]
    accepted(again.typed)


async def test_a_stranger_finds_nothing(bakery: Tenant, mill: Tenant) -> None:
    response = (await ask(bakery, stream=True)).typed[-1]["response"]
    before = await balance(mill)
    assert (await read(mill, response["id"])).status == 404
    assert (await read(mill, response["id"], "?stream=true")).status == 404
    call = await ask(mill, previous_response_id=response["id"])
    assert (call.status, call.error["code"]) == (400, "previous_response_not_found")
    assert await balance(mill) == before
    assert len(await holds()) == 1


async def test_a_deleted_one_does_not_come_back_to_a_retry(bakery: Tenant) -> None:
    retried = {"idempotency-key": "order-7"}
    first = await made(bakery, headers=retried)
    assert (await made(bakery, headers=retried))["id"] == first["id"]
    await sync_to_async(keeping.delete)(bakery.organisation_id, first["id"])
    again = await ask(bakery, headers=retried)
    assert (again.status, again.error["code"]) == (409, "idempotency_answer_lost")
