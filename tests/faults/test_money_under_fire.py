"""The balance under parallel calls, disconnects and kills: charged to the token."""

import asyncio
import json
import os
import signal
import threading
import time
from typing import Any

import httpx
import pytest

from tests.faults.conftest import GENEROUS, INPUT, OUTPUT
from tests.patience import PATIENCE
from tests.running import Server, Tenant, wait_until

KILLS_THE_ENGINE = True
Event = dict[str, Any]  # one server-sent event's JSON


def script(words: str, **fields: object) -> dict[str, object]:
    return {"model": "scripted", "messages": [{"role": "user", "content": words}], **fields}


def price(prompt_tokens: int, completion_tokens: int) -> int:
    return -(-(prompt_tokens * INPUT + completion_tokens * OUTPUT) // 1000)


def drift(fire: Server) -> dict[str, object]:
    """What the audit finds, as its command prints it."""
    found: dict[str, object] = json.loads(fire.manage("ledger", "audit", "--json"))
    return found


def generation(tenant: Tenant, answer_id: str) -> dict[str, object]:
    return tenant.get(f"/v1/generations/{answer_id}")


def read_some(tenant: Tenant, call: dict[str, object], tokens: int) -> str:
    """Stream until `tokens` pieces have come, then leave; the answer's id."""
    with tenant.http() as http, http.stream("POST", "/v1/chat/completions", json=call) as answer:
        assert answer.status_code == 200, answer.read()
        seen, found = 0, ""
        for line in answer.iter_lines():
            if not line.startswith("data: {"):
                continue
            chunk = json.loads(line.removeprefix("data: "))
            found = chunk["id"]
            seen += bool(chunk["choices"][0]["delta"].get("content"))
            if seen >= tokens:
                break
    return found


async def test_ten_charges_worth_of_balance_admits_ten_of_two_hundred(fire: Server) -> None:
    call = script("#fill please", max_tokens=50)
    rich = await asyncio.to_thread(fire.tenant, "Probe", credit="1.00", **GENEROUS)
    with rich.http() as http:  # what one call costs: its charge equals its hold
        usage = http.post("/v1/chat/completions", json=call).json()["usage"]
    assert usage["completion_tokens"] == 50
    one = price(usage["prompt_tokens"], 50)

    credit = f"{one * 10 / 1e9:.9f}"
    tenant = await asyncio.to_thread(fire.tenant, "Ten charges", credit=credit, **GENEROUS)
    headers = {"Authorization": f"Bearer {tenant.api_key}"}
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(
        base_url=tenant.url, headers=headers, timeout=120, limits=limits
    ) as http:
        answers = await asyncio.gather(
            *(http.post("/v1/chat/completions", json=call) for _ in range(200))
        )
    paid = [a for a in answers if a.status_code == 200]
    refused = [a for a in answers if a.status_code == 403]
    assert (len(paid), len(refused)) == (10, 190)
    assert {a.json()["error"]["code"] for a in refused} == {"insufficient_balance"}
    assert {a.json()["usage"]["completion_tokens"] for a in paid} == {50}
    assert tenant.balance_nano() == 0
    assert not any(drift(fire).values())


def test_the_balance_lowers_the_output_before_it_refuses(fire: Server) -> None:
    tenant = fire.tenant("Twenty tokens", credit=f"{price(2, 20) / 1e9:.9f}", **GENEROUS)
    with tenant.http() as http:
        answer = http.post("/v1/chat/completions", json=script("#fill x", max_tokens=500))
        assert answer.status_code == 200, answer.text
        usage = answer.json()["usage"]
        lowered = int(answer.headers["x-max-tokens-lowered"])
        assert usage["completion_tokens"] == lowered >= 16
        assert answer.json()["choices"][0]["finish_reason"] == "length"
        again = http.post("/v1/chat/completions", json=script("#fill x", max_tokens=500))
    assert again.status_code == 403
    assert "usd" in again.text.lower() or "$" in again.text


def test_a_disconnect_is_charged_to_the_token_and_stops_within_a_second(
    fire: Server, rich: Tenant
) -> None:
    before = rich.balance_nano()
    call = script("#words=2000 #pace=10", max_tokens=2000, stream=True)
    answer_id = read_some(rich, call, tokens=20)
    wait_until(lambda: generation(rich, answer_id)["state"] == "settled", PATIENCE, "hold closed")
    told = generation(rich, answer_id)
    prompt, completion = int(str(told["prompt_tokens"])), int(str(told["completion_tokens"]))
    assert 20 <= completion <= 20 + 130  # at most a second at 10 ms a token, and some air
    assert before - rich.balance_nano() == price(prompt, completion)


async def test_one_idempotency_key_twenty_times_at_once_is_one_charge(rich: Tenant) -> None:
    call = script("#words=30 #pace=20", max_tokens=100)
    headers = {"Authorization": f"Bearer {rich.api_key}", "Idempotency-Key": "order-7"}
    async with httpx.AsyncClient(base_url=rich.url, headers=headers, timeout=60) as http:
        answers = await asyncio.gather(
            *(http.post("/v1/chat/completions", json=call) for _ in range(20))
        )
        statuses = sorted(a.status_code for a in answers)
        assert statuses == [200] + [409] * 19
        assert all("retry-after" in a.headers for a in answers if a.status_code == 409)
        replay = await http.post("/v1/chat/completions", json=call)
        other = await http.post("/v1/chat/completions", json=script("other", max_tokens=5))
    first = next(a for a in answers if a.status_code == 200)
    assert replay.status_code == 200
    assert replay.headers["idempotent-replayed"] == "true"
    assert replay.json() == first.json()
    assert other.status_code == 422
    used = first.json()["usage"]
    spent = 10**9 - await asyncio.to_thread(rich.balance_nano)
    assert spent == price(used["prompt_tokens"], used["completion_tokens"])


def test_a_killed_web_process_is_settled_at_the_last_checkpoint(fire: Server, rich: Tenant) -> None:
    call = script("#words=4000 #pace=10", max_tokens=4000)
    seen: list[Event] = []
    thread = threading.Thread(target=_stream_until_cut, args=(rich, call, seen))
    thread.start()
    wait_until(lambda: len(seen) > 300, PATIENCE, "300 tokens delivered")
    os.kill(fire.child("serve "), signal.SIGKILL)
    thread.join(PATIENCE)
    delivered = len([c for c in seen if c["choices"][0]["delta"].get("content")])

    wait_until(fire.ready, PATIENCE, "web process back")
    answer_id = str(seen[0]["id"])
    wait_until(lambda: generation(rich, answer_id)["state"] != "open", 120, "hold swept")
    told = generation(rich, answer_id)
    assert told["state"] in {"settled", "expired"}
    charged = int(str(told["completion_tokens"]))
    assert delivered - 150 <= charged <= delivered + 20  # at most a second of tokens is forgiven
    spent = 10**9 - rich.balance_nano()
    assert spent == price(int(str(told["prompt_tokens"])), charged)
    assert not any(drift(fire).values())


def _stream_until_cut(tenant: Tenant, call: dict[str, object], seen: list[Event]) -> None:
    try:
        with (
            tenant.http() as http,
            http.stream("POST", "/v1/chat/completions", json={**call, "stream": True}) as answer,
        ):
            seen.extend(
                json.loads(line.removeprefix("data: "))
                for line in answer.iter_lines()
                if line.startswith("data: {")
            )
    except httpx.HTTPError:
        return  # the server was killed: that is the test


def test_a_killed_engine_ends_its_streams_with_an_error_and_comes_back(
    fire: Server, rich: Tenant
) -> None:
    """On the built-in model: a scripted one has no process to kill."""
    engine = fire.child("serve_engine")
    events = _stream_and_kill(rich, LONG, engine)
    assert "error" in events[-1]
    told = generation(rich, str(events[0]["id"]))
    assert told["state"] == "settled"
    delivered = sum(len(e["choices"][0]["logprobs"]["content"]) for e in events if _has_text(e))
    assert 0 < int(str(told["completion_tokens"])) <= delivered
    assert 10**9 - rich.balance_nano() == int(str(told["cost_nano"]))

    def back() -> bool:
        with rich.http() as http:
            again = {**LONG, "stream": False, "max_tokens": 2}
            return http.post("/v1/chat/completions", json=again).status_code == 200

    wait_until(back, 60, "engine back")
    assert fire.child("serve_engine") != engine
    assert not any(drift(fire).values())


LONG = {
    "model": "smarter-mini",
    "messages": [{"role": "user", "content": "Count to 30"}],
    "max_tokens": 1500,
    "logit_bias": {"0": -100, "2": -100},  # it never ends by itself
    "temperature": 2.0,
    "logprobs": True,  # one for each token, so that the delivered ones can be counted
    "stream": True,
}


def _has_text(event: Event) -> bool:
    return "choices" in event and bool(event["choices"][0]["logprobs"])


def _stream_and_kill(tenant: Tenant, call: dict[str, object], engine: int) -> list[Event]:
    """Every event of a stream whose engine dies after 20 of them."""
    events: list[Event] = []
    with tenant.http() as http, http.stream("POST", "/v1/chat/completions", json=call) as answer:
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                events.append(json.loads(line.removeprefix("data: ")))
                if len(events) == 20:
                    os.kill(engine, signal.SIGKILL)
    return events


def test_postgres_stopped_and_started_answers_or_says_503_and_stays_exact(
    fire: Server, rich: Tenant
) -> None:
    before = rich.balance_nano()
    running: list[Event] = []
    call = script("#words=500 #pace=10", max_tokens=500)
    thread = threading.Thread(target=_stream_until_cut, args=(rich, call, running))
    thread.start()
    wait_until(lambda: len(running) > 50, PATIENCE, "a stream that runs through the outage")
    stopped = fire.child("bin/postgres -D")
    os.kill(stopped, signal.SIGINT)

    assert _ask_until_served_again(rich, fire, stopped) == 200
    thread.join(PATIENCE)
    last = [c for c in running if c["choices"][0]["finish_reason"]]
    assert last, "the stream that ran through the outage was cut"
    answer_id = str(last[0]["id"])
    wait_until(lambda: _settled(rich, answer_id), PATIENCE, "the outage's stream settled")
    entries = rich.get("/v1/ledger?limit=100")["data"]
    assert isinstance(entries, list)
    assert before - rich.balance_nano() == -sum(
        e["amount_nano"] for e in entries if e["kind"] == "charge"
    )
    assert not any(drift(fire).values())


@pytest.fixture(autouse=True)
def healthy(fire: Server) -> None:
    """Each test starts on a server that is ready again."""
    wait_until(fire.ready, 60, "server ready")


def _settled(tenant: Tenant, answer_id: str) -> bool:
    """Resources may answer 503 for some seconds after the database has come back."""
    with tenant.http() as http:
        answer = http.get(f"/v1/generations/{answer_id}")
    return answer.status_code == 200 and answer.json()["state"] == "settled"


def _ask_until_served_again(tenant: Tenant, fire: Server, stopped: int) -> int:
    """The last status: calls wait for the server a moment; a refusal says when to come back."""
    end = time.monotonic() + 60
    with tenant.http() as http:
        while time.monotonic() < end:
            start, gone = time.monotonic(), stopped not in fire.children()
            answer = http.post("/v1/chat/completions", json=script("one two", max_tokens=4))
            if answer.status_code == 200 and gone:
                break
            if answer.status_code != 200:
                assert answer.status_code == 503, answer.text
                assert "retry-after" in answer.headers
                assert time.monotonic() - start < 15  # it waits for two, on a machine of its own
            time.sleep(0.1)
    return answer.status_code
