"""Mistakes in tool calls: their fragments in streams, and whole."""

from collections.abc import Iterator

from tests.wire.checks import formats, tools
from tests.wire.mistakes.making import asked_fields, told_chunks, told_json
from tests.wire.mistakes.streams import choices, finishing
from tests.wire.raw import Json


def fragments(given: list[Json]) -> Iterator[Json]:
    for choice in choices(given):
        yield from choice["delta"].get("tool_calls") or ()


def calls(answer: Json) -> Iterator[Json]:
    for choice in answer.get("choices", ()):
        yield from choice["message"].get("tool_calls") or ()


@told_chunks(tools.every_fragment_has_its_index)
def fragments_without_index(given: list[Json]) -> None:
    for piece in fragments(given):
        del piece["index"]


@told_chunks(tools.every_fragment_has_its_index, tools.a_stream_makes_the_calls_of_the_whole_answer)
def every_call_is_the_first(given: list[Json]) -> None:
    for piece in fragments(given):
        piece["index"] = 0


@told_chunks(tools.id_type_and_name_come_once_a_call)
def the_name_in_every_fragment(given: list[Json]) -> None:
    for piece in fragments(given):
        piece["function"]["name"] = "get_weather"


@told_chunks(tools.id_type_and_name_come_once_a_call)
def the_id_in_every_fragment(given: list[Json]) -> None:
    for piece in fragments(given):
        piece["id"] = f"call_{piece['index']}"


@told_chunks(tools.id_type_and_name_come_once_a_call)
def calls_of_no_type(given: list[Json]) -> None:
    for piece in fragments(given):
        piece.pop("type", None)


@told_chunks(
    tools.arguments_are_json_in_a_string, tools.a_stream_makes_the_calls_of_the_whole_answer
)
def the_last_fragment_is_lost(given: list[Json]) -> list[Json]:
    last = max((i for i, chunk in enumerate(given) if [*fragments([chunk])]), default=-1)
    return [chunk for i, chunk in enumerate(given) if i != last]


@told_chunks(tools.a_message_that_only_calls_has_null_content)
def calls_begin_with_empty_text(given: list[Json]) -> None:
    for choice in choices(given)[:1]:
        choice["delta"]["content"] = ""


@told_chunks(tools.calls_finish_for_the_right_reason)
def streams_of_calls_finish_by_stop(given: list[Json]) -> None:
    for choice in finishing(given):
        choice["finish_reason"] = "stop"


@told_chunks(tools.older_functions_come_as_they_did)
def older_functions_stream_as_tools(given: list[Json]) -> None:
    for choice in choices(given):
        if older := choice["delta"].pop("function_call", None):
            choice["delta"]["tool_calls"] = [{"index": 0, "function": older}]


@told_json(tools.arguments_are_json_in_a_string)
def arguments_as_an_object(answer: Json) -> None:
    for call in calls(answer):
        call["function"]["arguments"] = {"city": "Paris"}


@told_json(tools.a_stream_makes_the_calls_of_the_whole_answer)
def only_the_first_call_is_told(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        choice["message"]["tool_calls"] = choice["message"]["tool_calls"][:1]


@told_json(tools.calls_finish_for_the_right_reason)
def whole_calls_finish_by_stop(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        choice["finish_reason"] = "stop"


@told_json(tools.calls_finish_for_the_right_reason)
def named_calls_finish_by_tool_calls(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        choice["finish_reason"] = "tool_calls"


@told_json(tools.a_call_that_was_cut_finishes_by_length)
def calls_hide_that_they_were_cut(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        choice["finish_reason"] = "tool_calls"


@asked_fields(tools.choices_of_tools_are_heard, tools.tools_that_cannot_be_are_refused_by_name)
def tool_choice_is_ignored(fields: Json) -> None:
    fields.pop("tool_choice", None)


@asked_fields(tools.one_call_at_a_time_is_one_call)
def parallel_tool_calls_is_ignored(fields: Json) -> None:
    fields.pop("parallel_tool_calls", None)


@told_json(tools.a_message_that_only_calls_has_null_content)
def calls_have_empty_text(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        choice["message"]["content"] = ""


@told_json(tools.a_message_that_only_calls_has_null_content)
def calls_have_no_content(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        del choice["message"]["content"]


@asked_fields(tools.what_a_tool_said_is_read)
def messages_of_tools_are_dropped(fields: Json) -> None:
    fields["messages"] = [m for m in fields["messages"] if m["role"] == "user"]


@told_json(tools.older_functions_come_as_they_did)
def older_functions_come_as_tools(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        older = choice["message"].pop("function_call")
        choice["message"]["tool_calls"] = [{"id": "call_1", "type": "function", "function": older}]


@asked_fields(tools.tools_that_cannot_be_are_refused_by_name)
def wrong_tools_are_dropped(fields: Json) -> None:
    fields.pop("tools", None)


@asked_fields(
    formats.a_strict_answer_is_valid,
    formats.a_json_object_is_one,
    formats.a_schema_that_is_not_supported_is_refused_at_once,
)
def response_format_is_ignored(fields: Json) -> None:
    fields.pop("response_format", None)


@asked_fields(formats.a_strict_answer_is_valid)
def strict_becomes_any_object(fields: Json) -> None:
    if fields.get("response_format"):
        fields["response_format"] = {"type": "json_object"}


@told_json(formats.a_strict_answer_is_valid, formats.a_json_object_is_one)
def json_comes_in_a_fence(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        choice["message"]["content"] = f"```json\n{choice['message']['content']}\n```"


@asked_fields(formats.responses_keep_formats_too)
def formats_of_responses_are_ignored(fields: Json) -> None:
    fields.pop("text", None)


@told_json(formats.a_strict_answer_that_was_cut_says_so)
def json_hides_that_it_was_cut(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        choice["finish_reason"] = "stop"
