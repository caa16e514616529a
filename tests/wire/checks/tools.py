"""Tool calls: their fragments, their reasons to finish, and that choices of tools are heard."""

from collections.abc import Iterator
from typing import Any

from tests.wire.raw import Answer, Json, Site
from tests.wire.registry import check
from tests.wire.tools import ASK, BOTH, CITY, TIME, TOOLS, WEATHER, named

REQUIRED = {**TOOLS, "tool_choice": "required"}
ONLY_TIME = {**TOOLS, "tool_choice": named("get_time")}
ALLOWED = {
    **TOOLS,
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "required", "tools": [named("get_time")]},
    },
}
OLDER: Json = {"functions": [{"name": "get_weather", "parameters": CITY}]}
DEMANDED: list[tuple[Json, str, str]] = [
    (TOOLS, "get_weather", "tool_calls"),
    (REQUIRED, "get_weather", "tool_calls"),
    (ONLY_TIME, "get_time", "stop"),
    (ALLOWED, "get_time", "tool_calls"),
]


def fragments(answer: Answer) -> Iterator[Json]:
    for choice in answer.deltas:
        yield from choice["delta"].get("tool_calls") or ()


def joined(answer: Answer) -> list[tuple[str, str]]:
    """Name and arguments of each call, as a careful client puts them together."""
    calls: dict[int, list[str]] = {}
    for piece in fragments(answer):
        call = calls.setdefault(piece["index"], ["", ""])
        call[0] += piece["function"].get("name") or ""
        call[1] += piece["function"].get("arguments") or ""
    return [(calls[index][0], calls[index][1]) for index in sorted(calls)]


def made(answer: Answer) -> list[tuple[str, str]]:
    """The same of a whole answer."""
    calls = answer.good["choices"][0]["message"].get("tool_calls") or []
    return [(call["function"]["name"], call["function"]["arguments"]) for call in calls]


@check
def every_fragment_has_its_index(site: Site) -> None:
    pieces = list(fragments(site.chat(BOTH, **TOOLS, stream=True)))
    places = [piece.get("index") for piece in pieces]
    assert places == sorted(places, key=lambda place: -1 if place is None else place)
    assert set(places) == {0, 1}


@check
def id_type_and_name_come_once_a_call(site: Site) -> None:
    pieces = list(fragments(site.chat(BOTH, **TOOLS, stream=True)))
    ids = [piece["id"] for piece in pieces if "id" in piece]
    assert len(ids) == len(set(ids)) == 2
    for index in (0, 1):
        first, *rest = [piece for piece in pieces if piece["index"] == index]
        assert first["id"].startswith("call_")
        assert (first.get("type"), bool(first["function"]["name"])) == ("function", True)
        assert len(rest) > 1
        assert [piece for piece in rest if set(piece) != {"index", "function"}] == []
        assert [piece for piece in rest if set(piece["function"]) != {"arguments"}] == []


@check
def arguments_are_json_in_a_string(site: Site) -> None:
    whole, streamed = site.chat(BOTH, **TOOLS), site.chat(BOTH, **TOOLS, stream=True)
    for calls in (made(whole), joined(streamed)):
        arguments = [one for _name, one in calls]
        assert arguments == ['{"city": "Paris"}', '{"city": "Rome"}']


@check
def a_stream_makes_the_calls_of_the_whole_answer(site: Site) -> None:
    for fields in (TOOLS, REQUIRED, ONLY_TIME, {**TOOLS, "parallel_tool_calls": False}):
        whole, streamed = site.chat(BOTH, **fields), site.chat(BOTH, **fields, stream=True)
        assert made(whole) == joined(streamed) != []


@check
def calls_finish_for_the_right_reason(site: Site) -> None:
    for fields, _name, reason in (*DEMANDED, (OLDER, "", "function_call")):
        (choice,) = site.chat(ASK, **fields).good["choices"]
        last = site.chat(ASK, **fields, stream=True).deltas[-1]
        assert (choice["finish_reason"], last["finish_reason"]) == (reason, reason)


@check
def a_call_that_was_cut_finishes_by_length(site: Site) -> None:
    for fields in (TOOLS, REQUIRED, ONLY_TIME):
        (choice,) = site.chat(ASK, **fields, max_tokens=3).good["choices"]
        last = site.chat(ASK, **fields, max_tokens=3, stream=True).deltas[-1]
        assert (choice["finish_reason"], last["finish_reason"]) == ("length", "length")


@check
def choices_of_tools_are_heard(site: Site) -> None:
    for fields, name, _reason in DEMANDED[1:]:
        assert [called for called, _arguments in made(site.chat("Hello", **fields))] == [name]
    silent = site.chat(ASK, **TOOLS, tool_choice="none").good["choices"][0]
    assert silent["finish_reason"] == "stop"
    assert silent["message"]["content"]
    assert "tool_calls" not in silent["message"]


@check
def one_call_at_a_time_is_one_call(site: Site) -> None:
    one = {**TOOLS, "parallel_tool_calls": False}
    assert len(made(site.chat(BOTH, **one))) == 1
    assert len(joined(site.chat(BOTH, **one, stream=True))) == 1
    assert len(made(site.chat(BOTH, **TOOLS))) == 2


@check
def a_message_that_only_calls_has_null_content(site: Site) -> None:
    message = site.chat(ASK, **TOOLS).good["choices"][0]["message"]
    assert message.get("content", "missing") is None
    assert message.get("refusal", "missing") is None
    assert set(message) == {"role", "content", "refusal", "tool_calls"}
    first = site.chat(ASK, **TOOLS, stream=True).deltas[0]["delta"]
    assert first.get("content", "missing") is None


@check
def what_a_tool_said_is_read(site: Site) -> None:
    call = {"id": "call_1", "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city": "Paris"}'}}  # fmt: skip
    messages: list[Any] = [
        {"role": "user", "content": ASK},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "12 degrees"},
    ]
    answer = site.chat(messages=messages, **TOOLS).good["choices"][0]
    assert answer["message"]["content"] == "I was told: 12 degrees"
    assert answer["finish_reason"] == "stop"


@check
def older_functions_come_as_they_did(site: Site) -> None:
    message = site.chat(ASK, **OLDER).good["choices"][0]["message"]
    assert "tool_calls" not in message
    assert message["function_call"]["name"] == "get_weather"
    deltas = [choice["delta"] for choice in site.chat(ASK, **OLDER, stream=True).deltas]
    assert [delta for delta in deltas if "tool_calls" in delta] == []
    pieces = [delta["function_call"] for delta in deltas if "function_call" in delta]
    assert [piece["name"] for piece in pieces if "name" in piece] == ["get_weather"]
    told = "".join(piece["arguments"] for piece in pieces)
    assert told == message["function_call"]["arguments"] == '{"city": "Paris"}'


@check
def tools_that_cannot_be_are_refused_by_name(site: Site) -> None:
    for fields, param in (
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [WEATHER, TIME, WEATHER]}, "tools[2].function.name"),
        ({"tool_choice": "required"}, "tool_choice"),
    ):
        for stream in (False, True):
            refused = site.chat("x", **fields, stream=stream)
            assert (refused.status, refused.error["param"]) == (400, param)
