"""Mistakes in the streams of chats and completions."""

import json
from collections.abc import Iterable
from dataclasses import replace

from tests.wire.checks import chunks, edge, text, usage
from tests.wire.mistakes.making import (
    Call,
    Told,
    asked_fields,
    asking,
    telling,
    told_chunks,
    told_events,
    told_json,
)
from tests.wire.raw import DONE, Event, Json


def choices(given: list[Json]) -> list[Json]:
    return [choice for chunk in given for choice in chunk.get("choices", ())]


def finishing(given: list[Json]) -> list[Json]:
    return [choice for choice in choices(given) if choice["finish_reason"]]


@asked_fields(usage.usage_comes_only_when_asked_for)
def usage_without_being_asked(fields: Json) -> None:
    if fields.get("stream"):
        fields["stream_options"] = {"include_usage": True}


@told_chunks(usage.usage_is_null_in_every_earlier_chunk)
def usage_null_is_left_out(given: list[Json]) -> None:
    for chunk in given[:-1]:
        chunk.pop("usage", None)


@told_chunks(
    usage.usage_is_null_in_every_earlier_chunk, usage.one_usage_chunk_without_choices_comes_last
)
def usage_in_every_chunk(given: list[Json]) -> None:
    for chunk in given[:-1]:
        chunk["usage"] = given[-1].get("usage")


@told_chunks(usage.one_usage_chunk_without_choices_comes_last)
def usage_comes_with_the_last_choice(given: list[Json]) -> list[Json]:
    if given[-1].get("usage"):
        given[-2]["usage"] = given.pop()["usage"]
    return given


@told_chunks(usage.one_usage_chunk_without_choices_comes_last)
def usage_is_forgotten(given: list[Json]) -> list[Json]:
    return [chunk for chunk in given if not chunk.get("usage")]


@told_chunks(usage.usage_is_the_same_whole_streamed_and_in_the_ledger)
def streamed_usage_counts_chunks(given: list[Json]) -> None:
    if used := given[-1].get("usage"):
        used["completion_tokens"] = len(given)
        used["total_tokens"] = used["prompt_tokens"] + len(given)


@told_json(
    usage.usage_is_the_same_whole_streamed_and_in_the_ledger,
    usage.usage_counts_every_token_of_every_choice,
)
def the_total_leaves_the_prompt_out(answer: Json) -> None:
    if used := answer.get("usage"):
        used["total_tokens"] = used.get("completion_tokens")


@told_json(usage.usage_counts_every_token_of_every_choice)
def usage_counts_one_choice(answer: Json) -> None:
    if used := answer.get("usage"):
        used["completion_tokens"] = 3


@told_json(usage.cached_tokens_and_what_was_paid_are_told)
def cached_tokens_are_never_told(answer: Json) -> None:
    if used := answer.get("usage"):
        used["prompt_tokens_details"] = {"cached_tokens": 0}


@told_chunks(chunks.the_role_comes_once_and_first)
def the_role_in_every_chunk(given: list[Json]) -> None:
    for choice in choices(given):
        choice["delta"]["role"] = "assistant"


@told_chunks(chunks.the_role_comes_once_and_first)
def no_role_at_all(given: list[Json]) -> None:
    for choice in choices(given):
        choice["delta"].pop("role", None)


@told_chunks(chunks.id_time_and_model_never_change)
def the_third_chunk_has_another_id(given: list[Json]) -> None:
    given[2]["id"] = "chatcmpl-other"


@told_chunks(chunks.id_time_and_model_never_change)
def each_chunk_has_its_own_time(given: list[Json]) -> None:
    for late, chunk in enumerate(given):
        chunk["created"] += late


@told_chunks(chunks.id_time_and_model_never_change)
def the_model_is_named_otherwise_in_streams(given: list[Json]) -> None:
    for chunk in given:
        chunk["model"] = "other"


@told_chunks(chunks.every_choice_ends_once_with_an_empty_delta)
def no_finish_chunk(given: list[Json]) -> list[Json]:
    return [chunk for chunk in given if not finishing([chunk])]


@told_chunks(chunks.every_choice_ends_once_with_an_empty_delta)
def two_finish_chunks(given: list[Json]) -> list[Json]:
    return [twin for chunk in given for twin in [chunk] * (2 if finishing([chunk]) else 1)]


@told_chunks(chunks.every_choice_ends_once_with_an_empty_delta)
def the_finish_chunk_has_content(given: list[Json]) -> None:
    for choice in finishing(given):
        choice["delta"] = {"content": ""}


@told_events(chunks.done_comes_last_and_once)
def done_is_swallowed(events: list[Event]) -> list[Event]:
    return [event for event in events if event.data != DONE]


@told_events(chunks.done_comes_last_and_once)
def done_comes_twice(events: list[Event]) -> list[Event]:
    return [*events, events[-1]]


@told_events(chunks.chats_have_no_event_lines)
def chats_with_event_lines(events: list[Event]) -> list[Event]:
    return [replace(event, name="message") for event in events]


@telling(chunks.streams_are_event_streams)
def streams_with_another_content_type(_call: Call, told: Told) -> Told:
    kind = "application/x-ndjson" if told.streams else told.headers["content-type"]
    return replace(told, headers={**told.headers, "content-type": kind})


@telling(chunks.streams_are_event_streams)
def streams_with_a_length(_call: Call, told: Told) -> Told:
    length = {"content-length": str(len(told.body))} if told.streams else {}
    return replace(told, headers={**told.headers, **length})


@told_events(chunks.streams_are_event_streams)
def events_without_a_blank_line(events: list[Event]) -> Iterable[str]:
    return [event.raw.removesuffix("\n") for event in events]


@asking(chunks.a_stream_comes_while_it_is_made)
def streams_are_held_back(call: Call) -> Call:
    return call  # the proxy reads to the end before it answers


@asking(edge.nobody_generates_for_a_client_that_left)
def a_client_that_left_is_not_noticed(call: Call) -> Call:
    return call  # as above: upstream it never leaves


@told_chunks(chunks.chunks_have_every_key_that_clients_read)
def no_finish_reason_before_the_end(given: list[Json]) -> None:
    for choice in choices(given):
        if choice["finish_reason"] is None:
            del choice["finish_reason"]


@told_chunks(chunks.chunks_have_every_key_that_clients_read)
def no_index_of_choices(given: list[Json]) -> None:
    for choice in choices(given):
        del choice["index"]


@asked_fields(chunks.choices_are_as_many_as_asked_for, text.each_prompt_has_its_choices)
def n_is_ignored(fields: Json) -> None:
    fields.pop("n", None)


@told_chunks(chunks.choices_come_side_by_side)
def choices_come_one_after_the_other(given: list[Json]) -> list[Json]:
    return sorted(given, key=lambda chunk: [choice["index"] for choice in chunk["choices"]])


@told_chunks(chunks.choices_are_as_many_as_asked_for, text.each_prompt_has_its_choices)
def every_choice_is_the_first(given: list[Json]) -> None:
    for choice in choices(given):
        choice["index"] = 0


@told_chunks(
    chunks.a_stream_says_what_the_whole_answer_says, chunks.the_longest_stream_loses_nothing
)
def a_chunk_is_lost(given: list[Json]) -> list[Json]:
    return [*given[:2], *given[3:]]


@told_chunks(chunks.a_stream_says_what_the_whole_answer_says)
def a_chunk_comes_twice(given: list[Json]) -> list[Json]:
    return [*given[:3], *given[2:]]


@told_events(chunks.no_character_is_split)
def characters_are_split_between_chunks(events: list[Event]) -> Iterable[str]:
    broken = "\ufffd\ufffd"
    return [event.raw.replace("日", broken).replace("🙂", broken) for event in events]


@told_events(edge.a_failure_in_the_middle_ends_with_an_error)
def a_failure_ends_the_stream_in_silence(events: list[Event]) -> list[Event]:
    return [event for event in events if '"error"' not in event.data]


@told_events(edge.a_failure_in_the_middle_ends_with_an_error)
def a_failure_looks_like_success(events: list[Event]) -> list[Event]:
    if '"error"' not in events[-1].data:
        return events
    last = {**events[-2].json, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return [*events[:-1], Event(None, json.dumps(last)), Event(None, DONE)]


@told_events(edge.a_failure_in_the_middle_ends_with_an_error)
def done_follows_an_error(events: list[Event]) -> list[Event]:
    return [*events, Event(None, DONE)] if '"error"' in events[-1].data else events
