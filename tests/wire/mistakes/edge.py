"""Mistakes in headers and refusals."""

import json
from dataclasses import replace

from tests.wire.checks import edge
from tests.wire.mistakes.making import Call, Told, asking, telling, told_json
from tests.wire.raw import Json


def without(told: Told, start: str) -> Told:
    kept = {name: value for name, value in told.headers.items() if not name.startswith(start)}
    return replace(told, headers=kept)


def told(status: int, body: object) -> Told:
    return Told(status, {"content-type": "application/json"}, json.dumps(body).encode())


@telling(edge.every_answer_has_a_request_id_of_its_own)
def errors_have_no_request_id(_call: Call, told: Told) -> Told:
    return without(told, "x-request-id") if told.status >= 400 else told


@telling(edge.every_answer_has_a_request_id_of_its_own)
def streams_have_no_request_id(_call: Call, told: Told) -> Told:
    return without(told, "x-request-id") if told.streams else told


@telling(edge.every_answer_has_a_request_id_of_its_own)
def all_answers_have_one_request_id(_call: Call, told: Told) -> Told:
    return replace(told, headers={**told.headers, "x-request-id": f"req_{'0' * 32}"})


@telling(edge.limits_are_told_on_streams_and_errors)
def streams_do_not_tell_limits(_call: Call, told: Told) -> Told:
    return without(told, "x-ratelimit") if told.streams else told


@telling(edge.limits_are_told_on_streams_and_errors)
def errors_do_not_tell_limits(_call: Call, told: Told) -> Told:
    return without(told, "x-ratelimit") if told.status >= 400 else told


@telling(edge.limits_are_told_on_streams_and_errors)
def resets_are_durations(_call: Call, told: Told) -> Told:
    if "x-ratelimit-reset-requests" not in told.headers:
        return told
    return replace(told, headers={**told.headers, "x-ratelimit-reset-requests": "12ms"})


@telling(edge.what_remains_goes_down)
def what_remains_is_the_limit(_call: Call, told: Told) -> Told:
    limit = told.headers.get("x-ratelimit-limit-requests", "")
    return replace(told, headers={**told.headers, "x-ratelimit-remaining-requests": limit})


@telling(edge.what_remains_goes_down)
def streams_do_not_count_their_tokens(_call: Call, told: Told) -> Told:
    limit = told.headers.get("x-ratelimit-limit-tokens", "")
    return replace(told, headers={**told.headers, "x-ratelimit-remaining-tokens": limit})


@telling(edge.a_refused_caller_is_told_how_long_to_wait)
def nobody_says_how_long_to_wait(_call: Call, told: Told) -> Told:
    return without(told, "retry-after")


@telling(edge.a_refused_caller_is_told_how_long_to_wait)
def the_time_to_wait_is_a_date(_call: Call, told: Told) -> Told:
    if "retry-after" not in told.headers:
        return told
    return replace(told, headers={**told.headers, "retry-after": "2026-11-21T15:00:00Z"})


@telling(edge.every_refusal_has_the_four_keys)
def errors_have_a_detail(_call: Call, answer: Told) -> Told:
    if answer.status < 400:
        return answer
    return told(answer.status, {"detail": "Something is wrong."})


@told_json(edge.every_refusal_has_the_four_keys)
def errors_have_no_code(answer: Json) -> None:
    if "error" in answer:
        del answer["error"]["code"]


@telling(edge.every_refusal_has_the_four_keys)
def a_wrong_method_is_a_page(_call: Call, answer: Told) -> Told:
    if answer.status != 405:
        return answer
    return Told(405, {"content-type": "text/html"}, b"<h1>Method Not Allowed</h1>")


@telling(edge.a_wrong_value_is_a_400_that_names_its_field, edge.every_refusal_has_the_four_keys)
def wrong_values_are_422(_call: Call, answer: Told) -> Told:
    return replace(answer, status=422) if answer.status == 400 else answer


@told_json(edge.a_wrong_value_is_a_400_that_names_its_field)
def errors_name_no_field(answer: Json) -> None:
    if "error" in answer:
        answer["error"]["param"] = None


@telling(edge.an_unknown_model_is_a_404_before_any_byte)
def a_stream_begins_before_the_model_is_known(call: Call, answer: Told) -> Told:
    if answer.status != 404 or not (call.fields or {}).get("stream"):
        return answer
    return Told(200, {"content-type": "text/event-stream"}, b"data: " + answer.body + b"\n\n")


@asking(edge.an_unknown_model_is_a_404_before_any_byte)
def an_unknown_model_is_the_default_one(call: Call) -> Call:
    fields = {**(call.fields or {}), "model": "scripted-wire"}
    return replace(call, body=json.dumps(fields).encode())


@telling(edge.a_wrong_key_is_refused_and_never_repeated)
def a_wrong_key_is_repeated(call: Call, answer: Told) -> Told:
    key = call.headers["authorization"]
    error = json.loads(answer.body)["error"]
    return told(401, {"error": {**error, "message": f"Wrong key: {key}."}})


@telling(edge.a_wrong_key_is_refused_and_never_repeated)
def a_wrong_key_is_forbidden(_call: Call, answer: Told) -> Told:
    return replace(answer, status=403)


@telling(edge.a_failure_before_the_first_byte_has_its_own_status)
def a_failure_is_an_event_even_before_the_first(call: Call, answer: Told) -> Told:
    if answer.status < 500 or not (call.fields or {}).get("stream"):
        return answer
    return Told(200, {"content-type": "text/event-stream"}, b"data: " + answer.body + b"\n\n")


@asking(edge.a_retry_with_its_key_gets_the_same_answer)
def idempotency_keys_are_ignored(call: Call) -> Call:
    headers = {name: v for name, v in call.headers.items() if name != "idempotency-key"}
    return replace(call, headers=headers)
