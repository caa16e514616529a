"""Mistakes in whole answers, and parameters that are dropped in silence."""

from tests.wire.checks import chunks, edge, text
from tests.wire.mistakes.making import asked_fields, told_chunks, told_json
from tests.wire.mistakes.streams import choices, finishing
from tests.wire.raw import Json


@asked_fields(text.the_stop_text_never_comes, text.completions_stop_too)
def stop_is_ignored(fields: Json) -> None:
    fields.pop("stop", None)


@asked_fields(text.the_stop_text_never_comes)
def only_a_stop_in_a_list_is_read(fields: Json) -> None:
    if isinstance(fields.get("stop"), str):
        del fields["stop"]


@told_chunks(text.the_stop_text_never_comes)
def the_beginning_of_the_stop_text_leaks(given: list[Json]) -> None:
    """What came before the rest of it was seen has been sent already."""
    said = [choice for choice in choices(given) if choice["delta"].get("content")]
    said[-1]["delta"]["content"] += " w"


@told_json(text.the_stop_text_never_comes)
def the_stop_text_stands_in_whole_answers(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        choice["message"]["content"] += " the end"


@asked_fields(text.an_answer_is_as_long_as_allowed)
def max_completion_tokens_is_dropped(fields: Json) -> None:
    fields.pop("max_completion_tokens", None)


@asked_fields(text.an_answer_is_as_long_as_allowed)
def max_tokens_is_dropped(fields: Json) -> None:
    fields.pop("max_tokens", None)


@told_chunks(text.an_answer_is_as_long_as_allowed)
def streams_always_finish_by_stop(given: list[Json]) -> None:
    for choice in finishing(given):
        choice["finish_reason"] = "stop"


@told_json(text.an_answer_that_ends_by_itself_says_stop)
def answers_never_say_why_they_end(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        choice["finish_reason"] = None


@told_chunks(text.an_answer_that_ends_by_itself_says_stop)
def an_answer_that_fits_exactly_says_length(given: list[Json]) -> None:
    for choice in finishing(given):
        choice["finish_reason"] = "length"


@told_json(text.refusal_and_logprobs_are_there_and_null)
def refusal_is_left_out(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        del choice["message"]["refusal"]


@told_json(text.refusal_and_logprobs_are_there_and_null)
def logprobs_is_left_out(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        del choice["logprobs"]


@asked_fields(text.the_bytes_of_logprobs_are_the_text, text.completions_tell_legacy_logprobs)
def logprobs_are_ignored(fields: Json) -> None:
    fields.pop("logprobs", None)
    fields.pop("top_logprobs", None)


@told_json(text.the_bytes_of_logprobs_are_the_text)
def logprobs_have_the_bytes_of_another_token(answer: Json) -> None:
    for choice in answer.get("choices", ()):
        choice["logprobs"]["content"][0]["bytes"] = [63]


@told_chunks(text.the_bytes_of_logprobs_are_the_text)
def a_streamed_token_has_no_logprobs(given: list[Json]) -> None:
    for choice in choices(given)[2:3]:
        choice["logprobs"] = None


@told_chunks(text.completions_tell_legacy_logprobs)
def offsets_begin_again_in_each_chunk(given: list[Json]) -> None:
    for choice in choices(given):
        if choice["logprobs"]:
            choice["logprobs"]["text_offset"] = [0]


@asked_fields(text.a_prompt_is_echoed_with_its_logprobs)
def echo_is_ignored(fields: Json) -> None:
    fields.pop("echo", None)
    fields["max_tokens"] = fields.get("max_tokens") or 16


@asked_fields(text.each_prompt_has_its_choices)
def only_the_first_prompt_is_read(fields: Json) -> None:
    if isinstance(fields.get("prompt"), list):
        fields["prompt"] = fields["prompt"][0]


@asked_fields(text.the_prompt_is_every_message)
def only_the_last_message_is_read(fields: Json) -> None:
    fields["messages"] = fields["messages"][-1:]


@asked_fields(text.the_prompt_is_every_message)
def only_the_first_part_is_read(fields: Json) -> None:
    for message in fields["messages"]:
        if isinstance(message["content"], list):
            message["content"] = message["content"][:1]


@told_json(chunks.id_time_and_model_never_change)
def whole_answers_have_bare_ids(answer: Json) -> None:
    if "id" in answer:
        answer["id"] = answer["id"].rpartition("-")[2]


@asked_fields(edge.a_wrong_value_is_a_400_that_names_its_field)
def unknown_fields_are_dropped(fields: Json) -> None:
    fields.pop("nonsense", None)


@asked_fields(edge.a_wrong_value_is_a_400_that_names_its_field)
def stream_options_without_a_stream_are_dropped(fields: Json) -> None:
    if not fields.get("stream"):
        fields.pop("stream_options", None)
