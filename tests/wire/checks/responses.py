"""Responses: their events in order and numbered, their object complete, their parameters heard."""

from tests.wire.raw import DONE, Answer, Json, Site
from tests.wire.registry import check, check_of_any_model
from tests.wire.tools import ASK, flat

KEYS = {  # what ResponseResource of the Open Responses specification requires
    "id", "object", "created_at", "completed_at", "status", "incomplete_details", "model",
    "previous_response_id", "instructions", "output", "error", "tools", "tool_choice",
    "truncation", "parallel_tool_calls", "text", "top_p", "presence_penalty", "frequency_penalty",
    "top_logprobs", "temperature", "reasoning", "usage", "max_output_tokens", "max_tool_calls",
    "store", "background", "service_tier", "metadata", "safety_identifier", "prompt_cache_key",
    "conversation",
}  # fmt: skip
TEXT = [
    "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
    "output_text.done", "content_part.done", "output_item.done", "completed",
]  # fmt: skip
CALL = [
    "created", "in_progress", "output_item.added", "function_call_arguments.delta",
    "function_call_arguments.done", "output_item.done", "completed",
]  # fmt: skip
TOOLS = {"tools": [flat("get_weather"), flat("get_time")]}


def text_of(response: Json) -> str:
    return "".join(
        part["text"]
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
    )


def calls_of(response: Json) -> list[Json]:
    return [item for item in response["output"] if item["type"] == "function_call"]


def kinds(answer: Answer) -> list[str]:
    """The types of its events; of equal ones in a row the first."""
    told = [chunk["type"].removeprefix("response.") for chunk in answer.chunks]
    return [kind for i, kind in enumerate(told) if i == 0 or told[i - 1] != kind]


def deltas(answer: Answer, kind: str) -> str:
    return "".join(chunk["delta"] for chunk in answer.chunks if chunk["type"].endswith(kind))


def done(answer: Answer, kind: str) -> Json:
    (only,) = [chunk for chunk in answer.chunks if chunk["type"] == f"response.{kind}"]
    return only


@check
def event_lines_say_the_type(site: Site) -> None:
    for answer in (site.respond(stream=True), site.respond("#fail=2 a b c", stream=True)):
        assert DONE not in {event.data for event in answer.events}
        assert [event.name for event in answer.events] == [
            event.json["type"] for event in answer.events
        ]


@check
def events_are_numbered_from_0_without_gaps(site: Site) -> None:
    answer = site.respond(stream=True)
    numbers = [chunk.get("sequence_number") for chunk in answer.chunks]
    assert len(numbers) > len(TEXT)
    assert numbers == list(range(len(numbers)))


@check
def events_come_in_order(site: Site) -> None:
    assert kinds(site.respond(stream=True)) == TEXT


@check
def events_of_calls_come_in_order(site: Site) -> None:
    assert kinds(site.respond(ASK, **TOOLS, stream=True)) == CALL


@check
def events_point_to_their_item(site: Site) -> None:
    answer = site.respond(stream=True)
    item = done(answer, "output_item.added")["item"]["id"]
    final = answer.chunks[-1]["response"]
    assert final["output"][0]["id"] == item
    for chunk in answer.chunks:
        if "content_index" in chunk:
            assert (chunk["item_id"], chunk["output_index"]) == (item, 0)
    whole = {
        (c["response"]["id"], c["response"]["model"]) for c in answer.chunks if "response" in c
    }
    assert whole == {(final["id"], final["model"])}


@check_of_any_model
def text_is_the_same_in_every_event(site: Site) -> None:
    whole, streamed = site.respond(), site.respond(stream=True)
    told = deltas(streamed, "output_text.delta")
    assert told == text_of(whole.good) != ""
    assert told == done(streamed, "output_text.done")["text"]
    assert told == done(streamed, "content_part.done")["part"]["text"]
    assert told == text_of(streamed.chunks[-1]["response"])


@check
def a_call_is_the_same_in_every_event(site: Site) -> None:
    whole, streamed = site.respond(ASK, **TOOLS), site.respond(ASK, **TOOLS, stream=True)
    (call,) = calls_of(whole.good)
    assert call["arguments"] == '{"city": "Paris"}'
    assert (call["name"], call["call_id"][:5]) == ("get_weather", "call_")
    told = deltas(streamed, "arguments.delta")
    assert told == call["arguments"] == done(streamed, "function_call_arguments.done")["arguments"]
    begun, ended = (done(streamed, f"output_item.{what}")["item"] for what in ("added", "done"))
    (final,) = calls_of(streamed.chunks[-1]["response"])
    assert final == ended
    assert (begun["call_id"], begun["name"]) == (ended["call_id"], "get_weather")
    assert ended["arguments"] == told


@check
def choices_of_tools_are_heard_in_responses(site: Site) -> None:
    only = {"type": "function", "name": "get_time"}
    for choice, expected in (("none", []), ("required", ["get_weather"]), (only, ["get_time"])):
        response = site.respond("Hello", **TOOLS, tool_choice=choice).good
        assert [call["name"] for call in calls_of(response)] == expected
        assert response["tool_choice"] == choice
    both = "#call=get_weather #call=get_time in Paris"
    assert len(calls_of(site.respond(both, **TOOLS).good)) == 2
    assert len(calls_of(site.respond(both, **TOOLS, parallel_tool_calls=False).good)) == 1


@check
def usage_of_responses_is_the_ledgers(site: Site) -> None:
    whole, streamed = site.respond(), site.respond(stream=True)
    final = streamed.chunks[-1]["response"]
    assert streamed.chunks[0]["response"]["usage"] is None
    for answer, used in ((whole, whole.good["usage"]), (streamed, final["usage"])):
        entry = site.get(f"/v1/generations/{answer.generation}").good
        told = (used["input_tokens"], used["output_tokens"], used["total_tokens"], used["cost"])
        names = ("prompt_tokens", "completion_tokens", "total_tokens", "cost")
        assert told == tuple(entry[name] for name in names)
        assert used["input_tokens"] + used["output_tokens"] == used["total_tokens"]
        assert set(used["input_tokens_details"]) == {"cached_tokens", "cache_write_tokens"}
        assert set(used["output_tokens_details"]) == {"reasoning_tokens"}
    assert final["usage"]["output_tokens"] == whole.good["usage"]["output_tokens"]


@check
def a_response_has_every_key(site: Site) -> None:
    streamed = site.respond(stream=True).chunks
    for response in (site.respond().good, streamed[0]["response"], streamed[-1]["response"]):
        assert KEYS - set(response) == set()
        assert response["object"] == "response"


@check
def what_was_asked_for_is_echoed(site: Site) -> None:
    asked = {"temperature": 0.5, "top_p": 0.5, "max_output_tokens": 50, "truncation": "auto",
             "metadata": {"a": "b"}, "instructions": "Be kind.", "user": "ada",
             "safety_identifier": "s", "max_tool_calls": 3}  # fmt: skip
    response = site.respond(**asked).good
    assert {name: response[name] for name in asked} == asked


@check
def a_response_that_was_cut_is_incomplete(site: Site) -> None:
    whole = site.respond(max_output_tokens=3).good
    answer = site.respond(max_output_tokens=3, stream=True)
    final = answer.chunks[-1]
    assert final["type"] == "response.incomplete"
    for response in (whole, final["response"]):
        assert response["status"] == "incomplete"
        assert response["incomplete_details"] == {"reason": "max_output_tokens"}
        assert response["usage"]["output_tokens"] == 3


@check
def a_response_that_failed_says_so_last(site: Site) -> None:
    answer = site.respond("#words=9 #fail=3", stream=True)
    error, last = answer.chunks[-2:]
    assert {"type", "code", "message", "param", "sequence_number"} <= set(error)
    assert (error["type"], last["type"]) == ("error", "response.failed")
    assert last["response"]["status"] == "failed"
    assert set(last["response"]["error"]) == {"code", "message"}
    whole = site.respond("#words=9 #fail=3")
    assert (whole.status, set(whole.error)) == (503, {"message", "type", "param", "code"})


@check
def logprobs_of_responses_are_the_text(site: Site) -> None:
    asked = {"include": ["message.output_text.logprobs"], "top_logprobs": 1}
    whole, streamed = site.respond(**asked).good, site.respond(**asked, stream=True)
    part = whole["output"][0]["content"][0]
    told = [chunk["logprobs"] for chunk in streamed.chunks if chunk["type"].endswith("text.delta")]
    for tokens in (part["logprobs"], [token for one in told for token in one]):
        raw = b"".join(bytes(token["bytes"]) for token in tokens)
        assert raw.decode() == part["text"] != ""
