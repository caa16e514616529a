"""Redis is killed under two web processes: answers go on and begin, money is exact, and when it is
back they share everything again by themselves."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import httpx
import pytest

from tests import redis_server
from tests.chatbots.websocket import live
from tests.chatbots.websocket.live import Browser, browser
from tests.faults.conftest import GENEROUS
from tests.faults.two_webs import Pair
from tests.patience import PATIENCE
from tests.running import Tenant, wait_until

pytestmark = [redis_server.needed, pytest.mark.xdist_group("two_webs")]
SOON = 20.0  # seconds. Redis comes back only after it: who waited for that would wait forever


def streamed(
    tenant: Tenant, script: str, read: list[dict[str, Any]] | None = None
) -> list[dict[str, Any]]:
    """The events of a stored response, to the end; `read` has those that have come."""
    read = [] if read is None else read
    body = {"model": "scripted", "input": script, "stream": True}
    with tenant.http() as http, http.stream("POST", "/v1/responses", json=body) as told:
        assert told.status_code == 200, told.read()
        for event in events(told):
            read.append(event)
    return read


def events(told: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in told.iter_lines():
        if line.startswith("data: "):
            yield json.loads(line.removeprefix("data: "))


def words(read: list[dict[str, Any]]) -> int:
    assert [event["sequence_number"] for event in read] == list(range(len(read)))
    assert read[-1]["type"] == "response.completed", read[-1]
    return len("".join(event.get("delta", "") for event in read).split())


def begun(tenant: Tenant, script: str) -> str:
    """A response in the background."""
    body = {"model": "scripted", "input": script, "stream": True, "background": True}
    with tenant.http() as http, http.stream("POST", "/v1/responses", json=body) as told:
        assert told.status_code == 200, told.read()
        return str(next(events(told))["response"]["id"])


def status_of(tenant: Tenant, response: str) -> object:
    return tenant.get(f"/v1/responses/{response}")["status"]


def resumed(tenant: Tenant, response: str) -> tuple[int, str]:
    with tenant.http() as http:
        answer = http.get(f"/v1/responses/{response}", params={"stream": "true"})
    return answer.status_code, answer.text


def settled(owner: Tenant) -> None:
    """No hold is left, and the balance is what the entries say, to the nano-dollar."""
    wait_until(lambda: owner.get("/v1/balance")["held_nano"] == 0, PATIENCE, "no hold left")


def spent(owner: Tenant, credit: int) -> int:
    settled(owner)
    return credit - owner.balance_nano()


def test_streams_that_run_end_whole_and_new_ones_begin_at_once(pair: Pair) -> None:
    both = pair.tenants("Streams", credit="1.00", **GENEROUS)
    read: list[list[dict[str, Any]]] = [[] for _ in range(8)]
    with ThreadPoolExecutor(8) as pool:
        before = [
            pool.submit(streamed, tenant, "#words=250 #pace=20", into)
            for tenant, into in zip(both * 4, read, strict=True)
        ]
        wait_until(lambda: all(len(events) > 10 for events in read), PATIENCE, "all speak")
        with pair.without_redis():
            during = [streamed(tenant, "#words=5") for tenant in both * 5]
            assert not any(one.done() for one in before), "five seconds of theirs are not over yet"
            assert pair.told_of_redis() == ["away", "away"]
            assert [words(one.result(60)) for one in before] == [250] * 8
        assert [words(one) for one in during] == [5] * 10
    asked, said = 8 * 2 + 10, 8 * 250 + 10 * 5
    assert spent(both[0], 10**9) == asked * 1_000 + said * 2_000


def test_of_another_processs_answer_one_hears_why_it_cannot_be_followed_and_then_all_of_it(
    pair: Pair,
) -> None:
    one, other = pair.tenants("Resumed", credit="1.00", **GENEROUS)
    before = begun(one, "#words=30 #pace=20")
    with pair.without_redis():
        running = begun(one, "#words=220 #pace=20")  # eleven seconds: longer than Redis is away
        status, said = resumed(other, running)
        assert status == 503
        assert "made by another process" in said
        with one.http() as http:  # its own process tells it all the same
            place = f"/v1/responses/{running}?stream=true"
            with http.stream("GET", place) as told:
                assert next(events(told))["type"] == "response.created"
        wait_until(lambda: status_of(other, before) == "completed", PATIENCE, "end")
        assert resumed(other, before)[0] == 200, "an answer that has ended is told from its row"
    with other.http() as http, http.stream("GET", f"/v1/responses/{running}?stream=true") as told:
        read, came = [], []
        for event in events(told):
            read.append(event)
            came.append(time.monotonic())
    assert words(read) == 220
    assert came[-1] - came[0] > 1, "it is followed live, although it began without Redis"
    assert spent(one, 10**9) == 2 * 2 * 1_000 + 250 * 2_000


def test_chats_go_on_and_begin_and_tabs_elsewhere_see_the_same_text(pair: Pair) -> None:
    owner, _ = pair.tenants("Talkers", credit="1.00", **GENEROUS)
    here = live.made(pair.site, "Talkers", system_prompt="", limits={"messages": 100})
    there = replace(here, server=pair.other)
    with browser(here) as first, browser(there) as stranger:
        first.send({"type": "conversation.create"})
        first.hear("session.updated")
        first.ask("#words=40 #pace=20", "e1")
        first.hear("response.output_text.delta")
        with browser(there, **first.kept) as second, pair.without_redis():
            began = time.monotonic()
            stranger.ask("#words=3", "e1")
            stranger.answer()
            assert time.monotonic() - began < SOON
            for tab in (first, second):
                assert ended(tab)["status"] == "completed"
                assert len(tab.text.split()) == 40
            first.ask("#words=4", "e2")
            first.answer()
    asked = 2 + 1 + (2 + 40 + 1)  # the last one with what was said before
    assert spent(owner, 10**9) == asked * 1_000 + 47 * 2_000


def ended(tab: Browser) -> dict[str, Any]:
    """The response, as its last event or a snapshot says."""
    while (response := tab.hear().get("response", {})).get("status") != "completed":
        pass
    return dict(response)


def test_a_batch_that_is_made_meanwhile_is_done_once_when_it_is_back(pair: Pair) -> None:
    owner, _ = pair.tenants("Jobs", credit="1.00", **GENEROUS)
    body = {"model": "scripted", "messages": [{"role": "user", "content": "#words=3"}]}
    line = {"custom_id": "one", "method": "POST", "url": "/v1/chat/completions", "body": body}
    with pair.without_redis(), owner.http() as http:
        began = time.monotonic()
        form = {"file": ("input.jsonl", json.dumps(line).encode())}
        file = http.post("/v1/files", files=form, data={"purpose": "batch"}).json()
        asked = {
            "input_file_id": file["id"],
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
        }
        batch = http.post("/v1/batches", json=asked).json()["id"]
        assert time.monotonic() - began < SOON
    wait_until(lambda: owner.get(f"/v1/batches/{batch}")["status"] == "completed", 60, "done")
    assert spent(owner, 10**9) == (1 * 1_000 + 3 * 2_000) // 2


def test_sockets_of_one_visitor_are_counted_over_both(pair: Pair) -> None:
    pair.tenants("Sockets", credit="1.00", **GENEROUS)
    here = live.made(pair.site, "Sockets")
    there = replace(here, server=pair.other)
    with browser(here) as first:
        opened = []
        try:
            for number in range(9):
                tab = browser(there if number % 2 else here, **first.kept)
                tab.__enter__()
                opened.append(tab)
            for bot in (here, there):
                with live.socket(bot) as eleventh:
                    session = {"key": bot.key, **first.kept}
                    eleventh.send({"type": "session.update", "session": session})
                    assert eleventh.code() == 4429
        finally:
            for tab in opened:
                tab.__exit__(None, None, None)
        with browser(there, **first.kept):
            pass  # there is room again


def test_nothing_of_all_this_has_upset_the_book(pair: Pair) -> None:
    assert set(json.loads(pair.site.manage("ledger", "audit", "--json")).values()) == {0}
