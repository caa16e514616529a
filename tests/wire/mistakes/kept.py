"""Mistakes in what is kept, and in whose it is."""

import json
import re
from dataclasses import replace

from tests.wire.checks import crowd, kept, strangers
from tests.wire.mistakes.edge import told
from tests.wire.mistakes.making import Call, Told, asked_fields, asking, telling, told_json
from tests.wire.raw import Json

first_keys: dict[str, str] = {}  # of a mistake: whoever called first
earlier: dict[str, bytes] = {}  # what somebody else was told


def as_the_first_caller(call: Call, mistake: str) -> Call:
    key = first_keys.setdefault(mistake, call.headers["authorization"])
    return replace(call, headers={**call.headers, "authorization": key})


@asked_fields(
    kept.an_earlier_response_is_gone_on_from,
    kept.a_tools_result_goes_on_from_its_call,
    kept.instructions_are_not_carried_over,
    kept.an_unknown_earlier_response_is_refused,
)
def previous_response_id_is_ignored(fields: Json) -> None:
    if fields.pop("previous_response_id", None):
        fields["input"] = fields.get("input") or "x"


@asked_fields(kept.instructions_are_not_carried_over)
def instructions_are_part_of_the_input(fields: Json) -> None:
    if words := fields.pop("instructions", None):
        fields["input"] = f"{words} {fields['input']}"


@asked_fields(kept.what_is_not_stored_cannot_be_found)
def store_false_is_ignored(fields: Json) -> None:
    fields.pop("store", None)


@told_json(kept.a_response_comes_back_as_it_was)
def input_items_are_empty(answer: Json) -> None:
    if answer.get("object") == "list":
        answer["data"] = []


@telling(kept.a_response_comes_back_as_it_was)
def what_comes_back_has_no_labels(call: Call, answer: Told) -> Told:
    if call.method != "GET" or "/input_items" in call.path:
        return answer
    return told(answer.status, {**json.loads(answer.body), "metadata": {}})


@asking(kept.a_deleted_response_is_gone, kept.items_of_a_conversation_come_and_go,
        kept.a_stored_chat_can_be_found_again)  # fmt: skip
def deleting_does_nothing(call: Call) -> Call:
    return replace(call, method="GET") if call.method == "DELETE" else call


@telling(kept.a_deleted_response_is_gone)
def what_is_gone_is_told_again(call: Call, answer: Told) -> Told:
    return told(200, {"id": call.path}) if answer.status == 404 else answer


@asked_fields(kept.work_in_the_background_comes_at_once_and_can_be_cancelled)
def background_is_ignored(fields: Json) -> None:
    if fields.pop("background", None):
        fields["max_output_tokens"] = 5


@telling(kept.work_in_the_background_comes_at_once_and_can_be_cancelled)
def what_is_cancelled_goes_on(call: Call, answer: Told) -> Told:
    if call.method != "GET":
        return answer
    return told(200, {**json.loads(answer.body), "status": "in_progress"})


@asking(kept.work_in_the_background_is_done_without_a_reader)
def work_in_the_background_ends_with_its_call(call: Call) -> Call:
    if not (call.fields or {}).get("background"):
        return call
    return replace(call, body=call.body.replace(b"#words=5 #pace=1", b"#fail=0"))


@asking(kept.events_come_again_from_any_number, kept.a_running_response_can_be_followed)
def starting_after_is_ignored(call: Call) -> Call:
    return replace(call, path=re.sub("&starting_after=-?[0-9]+", "", call.path))


@telling(kept.events_come_again_from_any_number, kept.a_running_response_can_be_followed)
def resumed_events_are_numbered_from_0(call: Call, answer: Told) -> Told:
    if not answer.streams or call.method != "GET":
        return answer
    fresh = iter(range(100_000))
    body = re.sub(
        rb'("sequence_number": ?)[0-9]+', lambda found: found[1] + b"%d" % next(fresh), answer.body
    )
    return replace(answer, body=body)


@asked_fields(kept.a_conversation_remembers_turns)
def conversations_are_ignored(fields: Json) -> None:
    fields.pop("conversation", None)


@asked_fields(kept.a_conversation_remembers_turns)
def a_conversation_is_read_but_not_written(fields: Json) -> None:
    if fields.get("stream"):
        fields["conversation"] = None


@telling(kept.items_of_a_conversation_come_and_go, kept.a_conversation_remembers_turns)
def items_come_in_the_wrong_order(call: Call, answer: Told) -> Told:
    if call.method != "GET" or "/items?" not in call.path:
        return answer
    body = json.loads(answer.body)
    return told(200, {**body, "data": body["data"][::-1]})


@asking(kept.pages_follow_each_other_to_an_end)
def after_is_ignored(call: Call) -> Call:
    return replace(call, path=re.sub("&after=[a-z0-9_]+", "", call.path))


@told_json(kept.pages_follow_each_other_to_an_end)
def there_is_always_more(answer: Json) -> None:
    if "has_more" in answer:
        answer["has_more"] = True


@asked_fields(kept.a_stored_chat_can_be_found_again)
def chats_are_never_stored(fields: Json) -> None:
    fields.pop("store", None)
    fields.pop("metadata", None)


@asking(kept.a_stored_chat_can_be_found_again)
def filters_of_lists_are_ignored(call: Call) -> Call:
    return replace(call, path=re.sub(r"\?metadata.*", "", call.path))


@told_json(kept.tokens_are_counted_before_they_are_paid)
def tokens_are_counted_by_letters(answer: Json) -> None:
    if "input_tokens" in answer:
        answer["input_tokens"] = 13


@asking(
    strangers.a_strangers_ids_do_not_exist,
    strangers.nobody_changes_what_is_a_strangers,
    strangers.nobody_goes_on_from_a_strangers_words,
    strangers.lists_hold_nothing_of_strangers,
    strangers.items_of_strangers_cannot_be_referred_to,
    strangers.what_was_compacted_is_readable_for_nobody_else,
    strangers.a_retrys_key_is_nobody_elses,
)
def an_id_is_enough(call: Call) -> Call:
    return as_the_first_caller(call, "an_id_is_enough")


@asking(strangers.a_strangers_ids_do_not_exist)
def items_are_read_without_asking_whose_they_are(call: Call) -> Call:
    return as_the_first_caller(call, "items") if "items" in call.path else call


@telling(strangers.a_strangers_ids_do_not_exist, strangers.nobody_changes_what_is_a_strangers)
def a_strangers_ids_are_forbidden(_call: Call, answer: Told) -> Told:
    return replace(answer, status=403) if answer.status == 404 else answer


@telling(strangers.a_strangers_id_is_like_one_that_never_was)
def refusals_tell_whether_an_id_exists(call: Call, answer: Told) -> Told:
    if answer.status != 404 or "0123456789ab" in call.path:
        return answer
    return replace(answer, body=answer.body.replace(b"not", b"not yours, or not"))


@asking(strangers.nobody_changes_what_is_a_strangers)
def anybody_may_delete(call: Call) -> Call:
    changed = as_the_first_caller(call, "anybody_may_delete")
    return changed if call.method == "DELETE" else call


@telling(crowd.streams_of_two_organisations_never_mix)
def answers_go_to_the_caller_before(_call: Call, answer: Told) -> Told:
    if not answer.streams:
        return answer
    body = earlier.get("answer", answer.body)
    earlier["answer"] = answer.body
    return replace(answer, body=body)


@telling(crowd.streams_of_two_organisations_never_mix)
def an_event_of_another_stream_slips_in(_call: Call, answer: Told) -> Told:
    if not answer.streams:
        return answer
    first, *rest = answer.body.split(b"\n\n")
    slipped = earlier.get("event", first)
    earlier["event"] = rest[2]
    return replace(answer, body=b"\n\n".join([first, slipped, *rest]))
