"""Two web processes on one Postgres and one Redis, and an engine process of its own: what one
counts, tells or holds, the other knows; and of two replicas behind a third one may die."""

import json
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from itertools import cycle
from typing import Any

import httpx
import pytest

from tests import redis_server
from tests.chatbots.websocket import live
from tests.chatbots.websocket.live import browser
from tests.faults.conftest import GENEROUS
from tests.faults.two_webs import PRICED, Pair, serving
from tests.patience import PATIENCE
from tests.running import Tenant, wait_until

pytestmark = [redis_server.needed, pytest.mark.xdist_group("two_webs")]
LEAST = 16 * 2_000 + 2 * 1_000  # nano-dollars of the shortest answer that is sold


def completion(tenant: Tenant, words: str = "#words=3", **fields: Any) -> httpx.Response:
    body = {"model": "scripted", "messages": [{"role": "user", "content": words}], **fields}
    with tenant.http() as http:
        return http.post("/v1/chat/completions", json=body)


def charged(answer: httpx.Response) -> int:
    """Nano-dollars."""
    return int(Decimal(answer.json()["usage"]["cost"]) * 10**9)


def listing(tenant: Tenant) -> httpx.Response:
    with tenant.http() as http:
        return http.get("/v1/models")


def test_the_61st_request_of_a_minute_is_refused_whichever_process_it_comes_to(pair: Pair) -> None:
    both = pair.tenants("Sixty", credit="1.00", requests_per_minute=60)
    doors: list[Callable[[Tenant], httpx.Response]] = [completion, listing]
    calls = [(doors[number % 2], both[number // 2 % 2]) for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda call: call[0](call[1]), calls))
    counted = time.monotonic()
    assert Counter(answer.status_code for answer in answers) == {200: 60}, {
        answer.text for answer in answers if answer.status_code != 200
    }
    for door in doors:
        for tenant in both:
            left = 60 - (time.monotonic() - counted)
            refused = door(tenant)
            assert (refused.status_code, refused.headers["x-ratelimit-remaining-requests"]) == (
                429,
                "0",
            )
            assert int(refused.headers["retry-after"]) <= left + 1


def test_tokens_of_a_minute_are_shared_and_what_was_not_used_comes_back(pair: Pair) -> None:
    both = pair.tenants("Tokens", credit="1.00", tokens_per_minute=1000)
    for tenant in both * 5:  # each reserves 900 and uses 5
        answer = completion(tenant, max_tokens=900)
        assert answer.status_code == 200, answer.text
    with ThreadPoolExecutor(2) as pool:
        held = pool.submit(completion, both[0], "#words=900 #pace=5", max_tokens=900)
        wait_until(lambda: both[1].get("/v1/balance")["held_nano"] != 0, PATIENCE, "it runs")
        assert completion(both[1], max_tokens=900).status_code == 429
        assert held.result().status_code == 200


def drained(tenants: list[Tenant]) -> int:
    """What many calls at once were charged together, when the rest was refused."""
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda tenant: completion(tenant, "#words=100", max_tokens=100), tenants * 40)
        )
    assert {answer.status_code for answer in answers} == {200, 403}
    return sum(charged(answer) for answer in answers if answer.status_code == 200)


def test_the_balance_is_spent_to_the_end_over_both_and_never_beyond(pair: Pair) -> None:
    both = pair.tenants("Purse", credit="0.01", **GENEROUS)
    spent = drained(both)
    wait_until(lambda: both[0].get("/v1/balance")["held_nano"] == 0, PATIENCE, "no hold left")
    assert 0 <= both[0].balance_nano() == 10**7 - spent < LEAST


def test_a_keys_budget_holds_over_both(pair: Pair) -> None:
    owner = pair.site.tenant("Allowance", credit="1.00", **GENEROUS)
    asked = {"name": "small", "scopes": ["inference"], "budget": "0.004", "budget_period": "total"}
    with owner.http() as http:
        made = http.post("/v1/api_keys", json={**asked, **GENEROUS})
    assert made.status_code == 201, made.text
    here = replace(owner, api_key=made.json()["key"])
    spent = drained([here, replace(here, url=pair.other.url)])
    assert 4 * 10**6 - LEAST < spent <= 4 * 10**6


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("data: ") and line != "data: [DONE]":
            yield json.loads(line.removeprefix("data: "))


def test_a_response_begun_on_one_is_resumed_on_the_other(pair: Pair) -> None:
    one, other = pair.tenants("Resume", credit="1.00", **GENEROUS)
    body = {"model": "scripted", "input": "#words=60 #pace=50", "stream": True, "background": True}
    with one.http() as http, http.stream("POST", "/v1/responses", json=body) as told:
        read = [event for event, _ in zip(events(told.iter_lines()), range(12), strict=False)]
    response = read[0]["response"]["id"]
    last = read[-1]["sequence_number"]

    place = f"/v1/responses/{response}?stream=true&starting_after={last}"
    came: list[float] = []
    with other.http() as http, http.stream("GET", place) as told:
        rest = []
        for event in events(told.iter_lines()):
            came.append(time.monotonic())
            rest.append(event)

    numbers = [event["sequence_number"] for event in read + rest]
    assert numbers == list(range(len(numbers)))
    assert rest[-1]["type"] == "response.completed"
    assert came[-1] - came[0] > 1, "they come live, not all at the end"
    text = "".join(event.get("delta", "") for event in read + rest)
    assert len(text.split()) == 60


def test_a_response_of_one_is_cancelled_through_the_other(pair: Pair) -> None:
    one, other = pair.tenants("Cancel", credit="1.00", **GENEROUS)
    body = {"model": "scripted", "input": "#words=4000 #pace=50", "background": True}
    body["max_output_tokens"] = 4000  # longer than anybody's patience
    with one.http() as here, other.http() as there:
        made = here.post("/v1/responses", json=body)
        assert made.status_code == 200, made.text
        response = made.json()["id"]
        assert there.post(f"/v1/responses/{response}/cancel").json()["status"] == "cancelled"
    wait_until(lambda: one.get("/v1/balance")["held_nano"] == 0, PATIENCE, "it has stopped")


def test_a_chat_on_one_sees_what_is_asked_and_answered_on_the_other(pair: Pair) -> None:
    pair.tenants("Chatters", credit="1.00", **GENEROUS)
    here = live.made(pair.site, "Chatters", system_prompt="", limits={"messages": 100})
    there = replace(here, server=pair.other)
    with browser(here) as first:
        first.send({"type": "conversation.create"})
        first.hear("session.updated")
        with browser(there, **first.kept) as second:
            second.ask("#words=30 #pace=20")
            (part,) = first.hear("conversation.item.added")["item"]["content"]
            assert part["text"] == "#words=30 #pace=20"
            first.answer()
            second.answer()
            assert first.text == second.text
            assert len(first.text.split()) == 30


def test_the_engine_apart_serves_both(pair: Pair) -> None:
    def ready() -> bool:
        return completion(owner, "Hello", model="apart", max_tokens=8).status_code == 200

    owner, elsewhere = pair.tenants("Apart", credit="1.00", **GENEROUS)
    wait_until(ready, 60, "the engine answers")
    answers = [
        completion(tenant, "What is the capital of France?", model="apart", temperature=0)
        for tenant in (owner, elsewhere)
    ]
    said = [answer.json()["choices"][0]["message"]["content"] for answer in answers]
    assert "Paris" in said[0]
    assert said[0] == said[1]


def test_limits_go_on_without_redis_and_are_shared_again_when_it_is_back(pair: Pair) -> None:
    both = pair.tenants("Lost", credit="1.00", requests_per_minute=10)
    assert [completion(tenant).status_code for tenant in both] == [200, 200]
    with pair.without_redis():
        statuses = [completion(tenant).status_code for tenant in both for _ in range(12)]
        assert Counter(statuses) == {200: 18, 429: 6}  # nine more each: no more than ten of one
    fresh = pair.tenants("Found", credit="1.00", requests_per_minute=4)
    statuses = [completion(tenant).status_code for tenant, _ in zip(cycle(fresh), range(6))]
    assert Counter(statuses) == {200: 4, 429: 2}


def test_of_two_replicas_one_dies_and_no_stream_of_the_other_is_cut(pair: Pair) -> None:
    """Two web processes are the servers of a model that a third one offers."""
    upstream = pair.site.tenant("Upstream", credit="5.00", **GENEROUS)
    owner = pair.site.tenant("Client", credit="5.00", **GENEROUS)
    with serving(pair.site) as doomed, serving(pair.site, THEIR_KEY=upstream.api_key) as gateway:
        pair.site.manage(
            "models", "add", "remote", "--remote", f"{pair.other.url}/v1",
            "--remote", f"{doomed.url}/v1", "--remote-model", "scripted", "--key-env", "THEIR_KEY",
            "--context", "8192", *PRICED,
        )  # fmt: skip
        client = replace(owner, url=gateway.url)
        with ThreadPoolExecutor(32) as pool:
            heard: list[list[str]] = [[] for _ in range(24)]
            running = [pool.submit(stream, client, "#words=150 #pace=50", into) for into in heard]
            wait_until(lambda: all(len(into) > 5 for into in heard), PATIENCE, "all speak")
            waiting = [pool.submit(stream, client, "#words=1 #pace=5000") for _ in range(8)]
            time.sleep(0.5)  # most of them have been asked for; the others do no harm
            assert doomed.process is not None
            doomed.process.send_signal(signal.SIGKILL)
            ends = Counter(one.result(60) for one in running)
            moved = Counter(one.result(60) for one in waiting)
        assert ends == {150: 12, "error": 12}, "those of the other one are whole"
        assert moved == {1: 8}, "who had heard nothing yet was asked elsewhere"
        wait_until(lambda: owner.get("/v1/balance")["held_nano"] == 0, PATIENCE, "no hold left")
        assert [stream(client, "#words=3") for _ in range(5)] == [3] * 5


def stream(tenant: Tenant, script: str, lines: list[str] | None = None) -> int | str:
    """How many words a stream of the remote model had; `error` if it was cut. As they come, `lines`
    has its lines."""
    lines = [] if lines is None else lines
    body = {
        "model": "remote",
        "messages": [{"role": "user", "content": script}],
        "stream": True,
    }
    with tenant.http() as http, http.stream("POST", "/v1/chat/completions", json=body) as told:
        lines.extend(line for line in told.iter_lines() if line)
    words = "".join(
        choice["delta"].get("content") or ""
        for event in events(iter(lines))
        for choice in event.get("choices", ())
    )
    return len(words.split()) if lines[-1] == "data: [DONE]" else "error"
