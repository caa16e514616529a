"""Mistakes in Responses: their events, their object, their parameters."""

from dataclasses import replace

from tests.wire.checks import chunks, responses
from tests.wire.mistakes.making import asked_fields, told_chunks, told_events, told_json
from tests.wire.raw import DONE, Event, Json


def of_kind(given: list[Json], kind: str) -> list[Json]:
    return [event for event in given if event.get("type", "").endswith(kind)]


@told_events(responses.event_lines_say_the_type)
def typed_events_without_event_lines(events: list[Event]) -> list[Event]:
    return [replace(event, name=None) for event in events]


@told_events(responses.event_lines_say_the_type)
def event_lines_without_the_prefix(events: list[Event]) -> list[Event]:
    return [replace(e, name=(e.name or "").removeprefix("response.") or None) for e in events]


@told_events(responses.event_lines_say_the_type)
def responses_end_with_done(events: list[Event]) -> list[Event]:
    return [*events, Event(None, DONE)]


@told_chunks(responses.events_are_numbered_from_0_without_gaps)
def numbers_begin_at_1(given: list[Json]) -> None:
    for event in given:
        event["sequence_number"] += 1


@told_chunks(responses.events_are_numbered_from_0_without_gaps)
def a_number_is_left_out(given: list[Json]) -> None:
    for event in given[4:]:
        event["sequence_number"] += 1


@told_chunks(responses.events_are_numbered_from_0_without_gaps)
def events_are_not_numbered(given: list[Json]) -> None:
    for event in given:
        del event["sequence_number"]


@told_chunks(responses.events_come_in_order)
def the_last_event_is_missing(given: list[Json]) -> list[Json]:
    return given[:-1]


@told_chunks(responses.events_come_in_order)
def items_are_never_done(given: list[Json]) -> list[Json]:
    return [event for event in given if event["type"] != "response.output_item.done"]


@told_chunks(responses.events_come_in_order, responses.events_of_calls_come_in_order)
def items_are_never_added(given: list[Json]) -> list[Json]:
    return [event for event in given if event["type"] != "response.output_item.added"]


@told_chunks(responses.events_of_calls_come_in_order)
def arguments_are_never_done(given: list[Json]) -> list[Json]:
    return [event for event in given if not event["type"].endswith("arguments.done")]


@told_chunks(responses.events_point_to_their_item)
def deltas_belong_to_another_item(given: list[Json]) -> None:
    for event in of_kind(given, "text.delta"):
        event["item_id"] = "msg_other"


@told_chunks(responses.events_point_to_their_item)
def the_response_has_another_id_at_its_end(given: list[Json]) -> None:
    given[-1]["response"]["id"] = "resp_other"


@told_chunks(responses.text_is_the_same_in_every_event, chunks.no_character_is_split)
def a_text_delta_is_lost(given: list[Json]) -> list[Json]:
    lost = of_kind(given, "text.delta")[1:2]
    return [event for event in given if event not in lost]


@told_chunks(responses.text_is_the_same_in_every_event)
def the_final_response_is_empty(given: list[Json]) -> None:
    given[-1]["response"]["output"] = []


@told_chunks(responses.a_call_is_the_same_in_every_event)
def a_call_has_another_id_at_its_end(given: list[Json]) -> None:
    for event in of_kind(given, "output_item.done"):
        event["item"]["call_id"] = "call_other"


@told_json(responses.a_call_is_the_same_in_every_event)
def arguments_of_responses_as_an_object(answer: Json) -> None:
    for item in answer.get("output", ()):
        if "arguments" in item:
            item["arguments"] = "{'city': 'Paris'}"


@asked_fields(responses.choices_of_tools_are_heard_in_responses)
def tool_choice_of_responses_is_ignored(fields: Json) -> None:
    fields.pop("tool_choice", None)


@asked_fields(responses.choices_of_tools_are_heard_in_responses)
def responses_call_as_often_as_they_like(fields: Json) -> None:
    fields.pop("parallel_tool_calls", None)


@told_chunks(responses.usage_of_responses_is_the_ledgers)
def usage_of_streamed_responses_counts_events(given: list[Json]) -> None:
    given[-1]["response"]["usage"]["output_tokens"] = len(given)


@told_json(responses.usage_of_responses_is_the_ledgers)
def usage_of_responses_without_details(answer: Json) -> None:
    if used := answer.get("usage"):
        used["output_tokens_details"] = {}


@told_json(responses.a_response_has_every_key)
def a_response_without_completed_at(answer: Json) -> None:
    answer.pop("completed_at", None)


@told_chunks(responses.a_response_has_every_key)
def the_first_event_has_a_sketch_of_the_response(given: list[Json]) -> None:
    given[0]["response"] = {"id": given[0]["response"]["id"], "object": "response"}


@asked_fields(responses.what_was_asked_for_is_echoed)
def metadata_of_responses_is_dropped(fields: Json) -> None:
    fields.pop("metadata", None)


@asked_fields(responses.a_response_that_was_cut_is_incomplete)
def max_output_tokens_is_dropped(fields: Json) -> None:
    fields.pop("max_output_tokens", None)


@told_json(responses.a_response_that_was_cut_is_incomplete)
def a_response_that_was_cut_is_completed(answer: Json) -> None:
    answer["status"] = "completed"


@told_chunks(responses.a_response_that_failed_says_so_last)
def a_response_that_failed_is_completed(given: list[Json]) -> None:
    if given[-1]["type"] == "response.failed":
        given[-1]["type"] = "response.completed"
        given[-1]["response"]["status"] = "completed"


@told_chunks(responses.a_response_that_failed_says_so_last)
def no_error_event(given: list[Json]) -> list[Json]:
    return [event for event in given if event["type"] != "error"]


@asked_fields(responses.logprobs_of_responses_are_the_text)
def logprobs_of_responses_are_ignored(fields: Json) -> None:
    fields.pop("include", None)
    fields.pop("top_logprobs", None)


@told_chunks(responses.logprobs_of_responses_are_the_text)
def deltas_of_responses_without_logprobs(given: list[Json]) -> None:
    for event in of_kind(given, "text.delta"):
        event["logprobs"] = []
