"""Batches while things are killed: every line is answered exactly once and charged exactly once."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from config import postgres
from tests.faults.conftest import GENEROUS, INPUT, OUTPUT
from tests.running import Server, Tenant, wait_until

LINES, WORDS = 400, 25
ONE = -(-(2 * INPUT // 2 + WORDS * OUTPUT // 2) // 1000)  # two words asked, 25 answered, at half
# A lease must lapse, the clock must strike, and what was killed must start again, all beside other
# tests: under a minute where the machine is free.
CLAIMED_AGAIN = 200


def started(owner: Tenant) -> str:
    body = {
        "model": "scripted",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": f"#words={WORDS} #pace=60"}],
    }
    lines = [
        {"custom_id": f"r{n}", "method": "POST", "url": "/v1/chat/completions", "body": body}
        for n in range(LINES)
    ]
    raw = "\n".join(map(json.dumps, lines)).encode()
    with owner.http() as http:
        form = {"file": ("input.jsonl", raw)}
        file = http.post("/v1/files", files=form, data={"purpose": "batch"}).json()
        asked = {
            "input_file_id": file["id"],
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
        }
        made: dict[str, Any] = http.post("/v1/batches", json=asked).json()
    return str(made["id"])


def seen(owner: Tenant, batch: str) -> dict[str, Any]:
    """Empty while nobody answers."""
    try:
        with owner.http() as http:
            answer = http.get(f"/v1/batches/{batch}")
    except httpx.HTTPError:
        return {}
    told: dict[str, Any] = answer.json()
    return told if answer.status_code == 200 else {}


def done(owner: Tenant, batch: str) -> int:
    told = seen(owner, batch)
    return int(told["request_counts"]["completed"]) if told else 0


def answered_and_charged_once(fire: Server, owner: Tenant, batch: str) -> None:
    wait_until(lambda: seen(owner, batch).get("status") == "completed", CLAIMED_AGAIN, "completed")
    told = seen(owner, batch)
    assert told["request_counts"] == {"total": LINES, "completed": LINES, "failed": 0}
    with owner.http() as http:
        text = http.get(f"/v1/files/{told['output_file_id']}/content").text
        files = http.get("/v1/files", params={"purpose": "batch_output"}).json()["data"]
    answers = [json.loads(line) for line in text.splitlines()]
    assert [answer["custom_id"] for answer in answers] == [f"r{n}" for n in range(LINES)]
    assert len(files) == 1
    assert {a["response"]["body"]["usage"]["completion_tokens"] for a in answers} == {WORDS}
    generations = {answer["response"]["body"]["id"].split("-")[1] for answer in answers}
    assert len(generations) == LINES
    wait_until(lambda: owner.get("/v1/balance")["held_nano"] == 0, 90, "holds closed")
    assert 10**9 - owner.balance_nano() == LINES * ONE
    assert _charged(fire.data, owner.organisation) == {f"gen_{suffix}" for suffix in generations}
    drift = json.loads(fire.manage("ledger", "audit", "--json"))
    assert not any(drift.values())


def _charged(data: Path, organisation: str) -> set[str]:
    """The holds of an organisation that something was charged for."""
    with psycopg.connect(
        host=str(postgres.socket_folder(data)), user=postgres.USER, dbname=postgres.DATABASE
    ) as connection:
        rows = connection.execute(
            "SELECT id FROM billing_hold WHERE organisation_id = %s AND charged > 0",
            [organisation],
        )
        return {row[0] for row in rows}


@pytest.fixture
def owner(fire: Server, request: pytest.FixtureRequest) -> Tenant:
    """A dollar: more than all lines cost, so that one charged twice is seen."""
    return fire.tenant(request.node.name[:60], credit="1.00", **GENEROUS)


def test_a_killed_worker_loses_and_doubles_nothing(fire: Server, owner: Tenant) -> None:
    batch = started(owner)
    wait_until(lambda: 20 < done(owner, batch) < LINES, 60, "in the middle")
    os.kill(fire.child("celery"), signal.SIGKILL)
    assert seen(owner, batch)["status"] == "in_progress"
    answered_and_charged_once(fire, owner, batch)


def test_a_killed_database_loses_and_doubles_nothing(fire: Server, owner: Tenant) -> None:
    batch = started(owner)
    wait_until(lambda: 20 < done(owner, batch) < LINES, 60, "in the middle")
    os.kill(fire.child("bin/postgres -D"), signal.SIGKILL)
    wait_until(fire.ready, 60, "database back")
    answered_and_charged_once(fire, owner, batch)


def test_a_killed_web_process_does_not_matter(fire: Server, owner: Tenant) -> None:
    batch = started(owner)
    wait_until(lambda: 20 < done(owner, batch) < LINES, 60, "in the middle")
    os.kill(fire.child("serve "), signal.SIGKILL)
    wait_until(fire.ready, 60, "web process back")
    answered_and_charged_once(fire, owner, batch)


def test_one_kill_after_the_other(fire: Server, owner: Tenant) -> None:
    batch = started(owner)
    wait_until(lambda: done(owner, batch) > 20, 60, "in the middle")
    for word in ("celery", "bin/postgres -D", "serve "):
        os.kill(fire.child(word), signal.SIGKILL)
    wait_until(fire.ready, 60, "back")
    answered_and_charged_once(fire, owner, batch)
