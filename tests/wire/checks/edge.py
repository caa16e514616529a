"""Headers and refusals: on every answer, whatever its kind, and always in the same shape."""

import re
import time
from collections.abc import Iterator

from tests.wire.raw import DONE, Answer, Site
from tests.wire.registry import check

LIMITS = [
    f"x-ratelimit-{what}-{unit}"
    for what in ("limit", "remaining", "reset")
    for unit in ("requests", "tokens")
]
MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
CHAT = "/v1/chat/completions"


def refusals(site: Site) -> Iterator[tuple[int, Answer]]:
    """Each status with an answer that has it, but for 429."""
    yield 400, site.chat(temperature=9)
    yield 400, site.post(CHAT, b"{")
    yield 400, site.respond(temperature=9)
    yield 400, site.complete("x", n=0)
    yield 401, site.of("nobody").chat()
    yield 401, site.of("nobody").get("/v1/models")
    yield 404, site.chat(model="no/such:model")
    yield 404, site.get("/v1/responses/resp_none")
    yield 404, site.get("/v1/conversations/conv_none")
    yield 404, site.get("/v1/generations/gen_none")
    yield 404, site.get("/v1/nothing")
    yield 405, site.send("PUT", CHAT)
    yield 405, site.send("PATCH", "/v1/models")
    yield 413, site.post(CHAT, b"x" * 4_200_000)


def limited(site: Site) -> Answer:
    """A 429."""
    poor = site.of("poor")
    for _ in range(3):
        answer = poor.chat("x", max_tokens=1)
        if answer.status == 429:
            break
    return answer


@check
def every_refusal_has_the_four_keys(site: Site) -> None:
    for status, answer in (*refusals(site), (429, limited(site))):
        assert answer.status == status
        assert answer.headers["content-type"] == "application/json"
        assert set(answer.json) == {"error"}
        assert set(answer.error) == {"message", "type", "param", "code"}
        assert isinstance(answer.error["message"], str)
        assert isinstance(answer.error["type"], str)


@check
def every_answer_has_a_request_id_of_its_own(site: Site) -> None:
    answers = [answer for _status, answer in refusals(site)]
    answers += [limited(site), site.chat(), site.chat(stream=True), site.respond(stream=True)]
    answers += [site.get("/v1/models"), site.complete("x", stream=True)]
    ids = [answer.headers.get("x-request-id", "") for answer in answers]
    assert [one for one in ids if not re.fullmatch("req_[0-9a-f]{32}", one)] == []
    assert len(set(ids)) == len(ids)
    for answer in answers:
        assert answer.headers.get("openai-processing-ms", "").isdigit()
        assert answer.headers.get("openai-version") == "2020-10-01"


@check
def limits_are_told_on_streams_and_errors(site: Site) -> None:
    answers = [
        site.chat(), site.chat(stream=True), site.complete("x", stream=True),
        site.respond(stream=True), site.get("/v1/models"), limited(site),
        site.get("/v1/responses/resp_none"),
        site.chat(temperature=9), site.chat(model="none"), site.chat("#fail=0"),
    ]  # fmt: skip
    for answer in answers:
        assert [name for name in LIMITS if name not in answer.headers] == []
        for unit in ("requests", "tokens"):
            assert re.fullmatch(MOMENT, answer.headers[f"x-ratelimit-reset-{unit}"])


@check
def what_remains_goes_down(site: Site) -> None:
    ben = site.of("ben")
    for one in (False, True):
        before, after = [ben.chat(stream=one).headers for _ in range(2)]
        name = "x-ratelimit-remaining-requests"
        assert int(before[name]) - 1 == int(after[name]) < int(after[LIMITS[0]])
    during = int(
        ben.chat("a b c #pace=30", max_tokens=5000, stream=True).headers[
            "x-ratelimit-remaining-tokens"
        ]
    )
    assert during <= int(ben.chat().headers["x-ratelimit-limit-tokens"]) - 5000


@check
def a_refused_caller_is_told_how_long_to_wait(site: Site) -> None:
    refused = limited(site)
    assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
    assert re.fullmatch(r"\d+", refused.headers.get("retry-after", ""))
    assert re.fullmatch(r"\d+", refused.headers.get("retry-after-ms", ""))
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    busy = site.chat("#overload")
    assert (busy.status, busy.error["code"]) == (503, "server_overloaded")
    assert re.fullmatch(r"\d+", busy.headers.get("retry-after", ""))


@check
def an_unknown_model_is_a_404_before_any_byte(site: Site) -> None:
    for stream in (False, True):
        for answer in (
            site.chat(model="no/such:model", stream=stream),
            site.complete("x", model="no/such:model", stream=stream),
            site.respond(model="no/such:model", stream=stream),
        ):
            assert answer.status == 404
            assert (answer.error["code"], answer.error["param"]) == ("model_not_found", "model")


@check
def a_wrong_value_is_a_400_that_names_its_field(site: Site) -> None:
    for name, value in {
        "temperature": 2.1, "top_p": -1, "n": 129, "max_tokens": 0, "presence_penalty": 3,
        "top_logprobs": 21, "stop": ["1", "2", "3", "4", "5"], "stream_options": {},
        "logit_bias": {"1": 101}, "seed": "1", "stream": "yes", "response_format": "json",
        "nonsense": 1, "web_search_options": {},
    }.items():  # fmt: skip
        answer = site.chat(**{name: value})
        assert (answer.status, answer.error["type"]) == (400, "invalid_request_error")
        assert str(answer.error["param"]).startswith(name)


@check
def a_wrong_key_is_refused_and_never_repeated(site: Site) -> None:
    for stream in (False, True):
        answer = site.of("nobody").chat(stream=stream)
        assert (answer.status, answer.error["code"]) == (401, "invalid_api_key")
        key = site.keys["nobody"].encode()
        assert key not in answer.raw
        assert key not in b"".join(value for _name, value in answer.headers.raw)


@check
def a_failure_before_the_first_byte_has_its_own_status(site: Site) -> None:
    for directive in ("#fail=0", "#vanish=0", "#overload"):
        for answer in (
            site.chat(f"a b {directive}", stream=True),
            site.complete(f"a b {directive}", stream=True),
        ):
            assert answer.status == 503
            assert answer.error["message"]


@check
def a_failure_in_the_middle_ends_with_an_error(site: Site) -> None:
    for answer in (
        site.chat("#words=9 #fail=3", stream=True),
        site.chat("#words=9 #vanish=3", stream=True, n=2),
        site.complete("#words=9 #fail=3", stream=True),
    ):
        assert DONE not in {event.data for event in answer.events}
        assert set(answer.chunks[-1]) == {"error"}
        assert set(answer.chunks[-1]["error"]) == {"message", "type", "param", "code"}
        reasons = [choice["finish_reason"] for choice in answer.deltas]
        assert len(reasons) >= 3
        assert set(reasons) == {None}


@check
def nobody_generates_for_a_client_that_left(site: Site) -> None:
    body = {"model": site.model, "stream": True,
            "messages": [{"role": "user", "content": "#words=120 #pace=10"}]}  # fmt: skip
    with site.open("POST", CHAT, body) as answer:
        next(answer.iter_raw())
        generation = answer.headers["x-request-id"].replace("req_", "gen_")
    for _ in range(100):
        entry = site.get(f"/v1/generations/{generation}").good
        if entry["state"] != "open":
            break
        time.sleep(0.05)
    assert entry["state"] == "settled"
    assert 0 < entry["completion_tokens"] < 100


@check
def a_retry_with_its_key_gets_the_same_answer(site: Site) -> None:
    body = {"model": site.model, "messages": [{"role": "user", "content": "a b c"}]}
    headers = {"idempotency-key": f"wire-{time.monotonic_ns()}"}
    first, second = [site.send("POST", CHAT, body, headers) for _ in range(2)]
    assert first.good == second.good
    other = site.send("POST", CHAT, {**body, "n": 2}, headers)
    assert (other.status, other.error["code"]) == (422, "idempotency_key_reused")
