"""Typed events: their order, what they say, and that the vendor's state machine takes them."""

import asyncio
from typing import Any

import pytest
from openai import omit
from openai._models import construct_type_unchecked
from openai.lib.streaming.responses._responses import ResponseStreamState
from openai.types.responses import ResponseStreamEvent

from inference.schemas.responses.answers import ResponseEvent, ResponseObject
from tests.inference.asgi import Tenant
from tests.inference.conftest import cost, only_hold
from tests.responses.test_objects import WEATHER
from tests.responses.wire import Event, ask, call, read, said

TEXT = [
    "created", "in_progress", "output_item.added", "content_part.added",
    "output_text.delta", "output_text.delta",
    "output_text.done", "content_part.done", "output_item.done", "completed",
]  # fmt: skip


def accepted(events: list[Event]) -> Any:
    """The response that the vendor's client makes of them."""
    state: ResponseStreamState[Any] = ResponseStreamState(input_tools=omit, text_format=omit)
    for event in events:
        ResponseEvent.model_validate(event)
        if "response" in event:
            ResponseObject.model_validate(event["response"])
        union: Any = ResponseStreamEvent
        typed: Any = construct_type_unchecked(type_=union, value=event)
        state.handle_event(typed)
    return state._completed_response


@pytest.mark.parametrize("store", [True, False])
async def test_text_comes_as_these_events(bakery: Tenant, store: bool) -> None:
    call = await ask(bakery, stream=True, store=store)
    assert call.answer_headers["content-type"].startswith("text/event-stream")
    assert call.kinds == TEXT
    events = call.typed
    assert events[0]["sequence_number"] == 0
    assert [event["delta"] for event in events[4:6]] == ["one", " two"]
    assert events[6]["text"] == "one two"
    assert said(events[-1]["response"]) == "one two"
    (item,) = events[-1]["response"]["output"]
    assert item == events[-2]["item"]
    assert {event["item_id"] for event in events if "item_id" in event} == {item["id"]}
    assert accepted(events).output_text == "one two"
    hold = await only_hold()
    assert hold.charged == cost(2, 2)
    assert events[-1]["response"]["usage"]["cost"] == "0.000006"


async def test_a_stream_says_the_same_as_one_answer(bakery: Tenant) -> None:
    fields = {"include": ["message.output_text.logprobs"], "top_logprobs": 1}
    whole = (await ask(bakery, "#unicode", **fields)).json
    events = (await ask(bakery, "#unicode", stream=True, **fields)).typed
    last = events[-1]["response"]
    differs = {"id", "created_at", "completed_at", "output"}
    assert {k: v for k, v in last.items() if k not in differs} == {
        k: v for k, v in whole.items() if k not in differs
    }
    assert last["output"][0]["content"] == whole["output"][0]["content"]
    deltas = [event for event in events if event["type"].endswith("text.delta")]
    assert "".join(event["delta"] for event in deltas) == said(whole)
    tokens = [token for event in deltas for token in event["logprobs"]]
    assert tokens == whole["output"][0]["content"][0]["logprobs"]


async def test_calls_come_as_items_after_the_text_of_the_answer(bakery: Tenant) -> None:
    other = {**WEATHER, "name": "get_time"}
    words = '#call=get_weather #call=get_time "Kyoto"'
    call = await ask(bakery, words, stream=True, tools=[WEATHER, other])
    events = call.typed
    assert accepted(events).output[0].arguments == '{"city": "Kyoto"}'
    items = events[-1]["response"]["output"]
    assert [item["name"] for item in items] == ["get_weather", "get_time"]
    assert all(item["call_id"].startswith("call_") for item in items)
    assert all(item["id"].startswith("fc_") for item in items)
    for place, item in enumerate(items):
        told = [event for event in events if event.get("output_index") == place]
        assert told[0]["item"] == {**item, "status": "in_progress", "arguments": ""}
        deltas = [event["delta"] for event in told if event["type"].endswith("arguments.delta")]
        assert len(deltas) > 1
        assert "".join(deltas) == item["arguments"] == told[-2]["arguments"]
        assert told[-1]["item"] == item
    whole = (await ask(bakery, words, tools=[WEATHER, other])).json
    assert [item["arguments"] for item in whole["output"]] == [item["arguments"] for item in items]


async def test_a_custom_tool_gets_plain_text(bakery: Tenant) -> None:
    tools = [{"type": "custom", "name": "shell", "description": "Runs a command."}]
    call = await ask(bakery, '#call=shell "ls -l"', stream=True, tools=tools)
    (item,) = call.typed[-1]["response"]["output"]
    assert (item["type"], item["name"], item["input"]) == ("custom_tool_call", "shell", "ls -l")
    assert item["id"].startswith("ctc_")
    assert call.kinds[3:5] == ["custom_tool_call_input.delta", "custom_tool_call_input.done"]
    accepted(call.typed)


async def test_a_stream_that_meets_its_limit_ends_as_incomplete(bakery: Tenant) -> None:
    call = await ask(bakery, "#words=9", stream=True, max_output_tokens=2)
    assert call.kinds[-1] == "incomplete"
    response = call.typed[-1]["response"]
    assert response["incomplete_details"] == {"reason": "max_output_tokens"}
    assert call.typed[-2]["item"]["status"] == "incomplete"
    accepted(call.typed)


async def test_a_failure_before_the_first_event_has_its_own_status(bakery: Tenant) -> None:
    for words, status in (("#fail=0 a", 503), ("#overload a", 503), ("#reject=messages", 400)):
        for store in (True, False):
            call = await ask(bakery, words, stream=True, store=store)
            assert call.status == status
            assert call.error["message"]
        whole = await ask(bakery, words)
        assert whole.status == status


@pytest.mark.parametrize("store", [True, False])
async def test_a_later_failure_ends_the_stream_in_so_many_words(
    bakery: Tenant, store: bool
) -> None:
    call = await ask(bakery, "#words=5 #fail=2", stream=True, store=store)
    assert call.kinds[-3:] == ["output_item.done", "error", "failed"]
    error, failed = call.typed[-2:]
    assert set(error) == {"type", "sequence_number", "code", "message", "param"}
    response = failed["response"]
    assert response["status"] == "failed"
    assert response["error"] == {"code": "server_error", "message": error["message"]}
    assert said(response) == "w1 w2"
    assert (await only_hold()).charged == cost(2, 2)
    accepted(call.typed)
    kept = await read(bakery, response["id"])
    assert kept.status == (200 if store else 404)
    if store:
        assert kept.json == response


async def test_a_client_that_leaves_ends_what_nobody_else_can_read(bakery: Tenant) -> None:
    made = call(bakery, "#words=500 #pace=5", stream=True, store=False)
    await made.came(8)
    made.leave()
    await made.finished()
    hold = await only_hold()
    assert (hold.state, hold.finish_reason) == ("settled", "cancelled")
    assert 3 < hold.completion_tokens < 100


async def test_a_stored_answer_is_finished_though_nobody_waits_for_it(bakery: Tenant) -> None:
    made = call(bakery, "#words=40 #pace=3")
    await asyncio.sleep(0.05)
    made.leave()
    await made.finished()
    assert made.messages == []
    hold = await only_hold()
    assert (hold.finish_reason, hold.charged) == ("stop", cost(2, 40))
    kept = await read(bakery, hold.id.replace("gen_", "resp_"))
    assert len(said(kept.json).split()) == 40


async def test_a_client_that_leaves_finds_a_stored_answer_whole(bakery: Tenant) -> None:
    made = call(bakery, "#words=40 #pace=3", stream=True)
    await made.came(8)
    made.leave()
    made.task.cancel()
    response_id = made.answer_headers["x-request-id"].replace("req_", "resp_")
    events = (await read(bakery, response_id, "?stream=true&starting_after=5")).typed
    assert events[0]["sequence_number"] == 6
    assert events[-1]["response"]["usage"]["output_tokens"] == 40
    assert (await only_hold()).charged == cost(2, 40)
