"""The websocket mode: events as frames, turns that go on, errors that end nothing else."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from inference import conversations
from inference.conversations import keeping
from inference.models import Response
from tests.inference.asgi import Tenant
from tests.inference.conftest import balance, holds
from tests.responses.sockets import connected
from tests.responses.wire import ask, read, said

EVENTS = [
    "response.created",
    "response.in_progress",
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
    "response.completed",
]


async def test_a_response_comes_as_frames_in_order(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        socket.create("one two #pace=5")
        frames = await socket.answer()
    assert [frame["type"] for frame in frames] == EVENTS
    assert [frame["sequence_number"] for frame in frames] == list(range(len(frames)))
    assert said(frames[-1]["response"]) == "one two"
    assert frames[-1]["response"]["usage"]["total_tokens"] > 0


@pytest.mark.parametrize("path", ["/v1/responses", "/responses"])
async def test_both_paths_open_a_socket(bakery: Tenant, path: str) -> None:
    async with connected(bakery, path=path) as socket:
        assert (await socket.turn())["type"] == "response.completed"


async def test_a_turn_goes_on_from_the_one_before(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        first = await socket.turn("a b c")
        second = await socket.turn("d", previous_response_id=first["response"]["id"])
    assert second["response"]["previous_response_id"] == first["response"]["id"]
    assert second["response"]["usage"]["input_tokens"] == 7  # a b c, the answer's three, d


async def test_turns_go_on_on_one_connection_though_nothing_is_stored(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        first = await socket.turn("a b c", store=False)
        first_id = first["response"]["id"]
        second = await socket.turn("d", store=False, previous_response_id=first_id)
        third = await socket.turn("e", store=False, previous_response_id=second["response"]["id"])
        assert second["response"]["usage"]["input_tokens"] == 7
        assert third["response"]["usage"]["input_tokens"] == 9
        assert third["response"]["store"] is False
    assert not await Response.objects.aexists()
    async with connected(bakery) as another:
        refused = await another.turn("d", previous_response_id=first_id)
    assert refused["error"]["code"] == "previous_response_not_found"
    assert refused["error"]["param"] == "previous_response_id"
    assert refused["status"] == 400


async def test_a_stored_response_can_be_gone_on_from_elsewhere(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        first = (await socket.turn("a b c"))["response"]
    assert (await read(bakery, first["id"])).json["output"] == first["output"]
    async with connected(bakery) as another:
        second = await another.turn("d", previous_response_id=first["id"])
    assert second["response"]["usage"]["input_tokens"] == 7
    third = await ask(bakery, "e", previous_response_id=second["response"]["id"])
    assert third.json["usage"]["input_tokens"] == 9


async def test_a_strangers_response_is_unknown(bakery: Tenant, mill: Tenant) -> None:
    async with connected(bakery) as hers, connected(mill) as socket:
        response_id = (await hers.turn())["response"]["id"]
        refused = await socket.turn(previous_response_id=response_id)
    assert refused["error"]["code"] == "previous_response_not_found"


async def test_a_failed_turn_ends_neither_the_connection_nor_the_chain(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        first = (await socket.turn("a b c", store=False))["response"]["id"]
        failed = await socket.turn("d", previous_response_id=first, temperature=9)
        assert (failed["status"], failed["error"]["param"]) == (400, "temperature")
        broken = await socket.turn("d #fail=1", previous_response_id=first, store=False)
        assert broken["type"] == "error"
        assert set(broken["error"]) >= {"message", "type", "param", "code"}
        assert (await socket.hear())["type"] == "response.failed"
        again = await socket.turn("d", previous_response_id=first)
    assert again["response"]["usage"]["input_tokens"] == 7


CREATE = {"type": "response.create", "model": "scripted", "input": "x"}


@pytest.mark.parametrize(
    ("frame", "status", "code", "param"),
    [
        ("no json", 400, None, None),
        ("[]", 400, "invalid_frame", None),
        ({"type": "response.think"}, 400, "invalid_frame", "type"),
        ({}, 400, "invalid_frame", "type"),
        ({**CREATE, "stream_id": "a b"}, 400, "invalid_stream_id", "stream_id"),
        ({**CREATE, "stream_id": 1}, 400, "invalid_stream_id", "stream_id"),
        ({**CREATE, "colour": "blue"}, 400, "unknown_parameter", "colour"),
        ({**CREATE, "background": True}, 400, "unsupported_parameter", "background"),
        ({**CREATE, "generate": 1}, 400, "invalid_type", "generate"),
        ({**CREATE, "model": "nobody"}, 404, "model_not_found", "model"),
        ({**CREATE, "conversation": "conv_1"}, 404, "not_found", None),
        ({"type": "response.cancel"}, 400, "response_not_found", "response_id"),
    ],
)
async def test_a_wrong_frame_is_an_error_and_the_connection_goes_on(
    bakery: Tenant, frame: object, status: int, code: str | None, param: str | None
) -> None:
    async with connected(bakery) as socket:
        socket.send(frame)
        problem = await socket.hear()
        assert problem["type"] == "error"
        assert problem["status"] == status
        assert (problem["error"]["code"], problem["error"]["param"]) == (code, param)
        assert (await socket.turn())["type"] == "response.completed"


async def test_a_frame_that_is_too_large_is_refused(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        problem = await socket.turn("x" * 4 * 1024 * 1024)
        assert (problem["status"], problem["error"]["code"]) == (413, "request_too_large")
        assert (await socket.turn())["type"] == "response.completed"


async def test_transport_fields_do_not_count(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        for fields in (
            {"stream": False},
            {"stream_options": {"include_obfuscation": False}},
            {"background": False},
            {"generate": None},
        ):
            socket.create(**fields)
            assert [frame["type"] for frame in await socket.answer()][-1] == EVENTS[-1]


async def test_a_steer_is_refused_with_its_input(bakery: Tenant) -> None:
    async with connected(bakery) as socket:
        socket.send({"type": "response.steer", "input": "left", "previous_response_id": "resp_1"})
        failed = await socket.hear()
    assert failed["type"] == "response.steer.failed"
    assert failed["error"]["code"] == "steering_not_supported"
    assert failed["steer"] == {"input": "left", "previous_response_id": "resp_1"}


async def test_a_warm_up_makes_nothing_and_can_be_gone_on_from(bakery: Tenant) -> None:
    before = await balance(bakery)
    async with connected(bakery) as socket:
        socket.create("a b c", generate=False)
        frames = await socket.answer()
        assert [frame["type"] for frame in frames] == [EVENTS[0], EVENTS[1], EVENTS[-1]]
        warm = frames[-1]["response"]
        assert warm["output"] == []
        assert warm["usage"]["total_tokens"] == 0
        assert await balance(bakery) == before
        assert await holds() == []
        second = await socket.turn("d", previous_response_id=warm["id"])
        assert second["response"]["usage"]["input_tokens"] == 4
        refused = await socket.turn("w " * 9000, generate=False)
        assert refused["error"]["code"] == "context_length_exceeded"


async def test_tools_and_formats_work_as_on_the_other_road(bakery: Tenant) -> None:
    tool: dict[str, Any] = {
        "type": "function", "name": "get_weather", "strict": True,
        "parameters": {
            "type": "object", "properties": {"city": {"type": "string"}},
            "required": ["city"], "additionalProperties": False,
        },
    }  # fmt: skip
    async with connected(bakery) as socket:
        asked = await socket.turn("Weather in Rome?", tools=[tool], store=False)
        (call,) = asked["response"]["output"]
        assert call["type"] == "function_call"
        output = {"type": "function_call_output", "call_id": call["call_id"], "output": "sunny"}
        answered = await socket.turn(
            [output], tools=[tool], store=False, previous_response_id=asked["response"]["id"]
        )
    assert "sunny" in said(answered["response"])


async def test_a_conversation_grows_by_its_turns(bakery: Tenant) -> None:
    made = await sync_to_async(keeping.create)(bakery.organisation_id, {}, [])
    async with connected(bakery) as socket:
        await socket.turn("a b c", conversation=made.id)
        second = await socket.turn("d", conversation={"id": made.id})
    assert second["response"]["usage"]["input_tokens"] == 7
    items = await conversations.items(bakery.organisation_id, made.id)
    assert [item["role"] for item in items] == ["user", "assistant"] * 2
