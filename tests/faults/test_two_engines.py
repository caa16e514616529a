"""Two of our own engine processes are one model: one is killed under load. What runs on the other
goes on to the letter, what waits moves there, and the killed one is taken back when it is up."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from inference.engines.base import EngineUnavailable
from inference.engines.local.client import LocalEngine
from inference.engines.local.frames import EngineHealth
from tests import redis_server
from tests.faults.conftest import GENEROUS
from tests.faults.two_webs import PRICED, SECRET, Pair, started
from tests.running import ROOT, START_SECONDS, Server, Tenant, free_port, wait_until

pytestmark = [redis_server.needed, pytest.mark.xdist_group("two_webs")]
AT_ONCE = 8  # sequences of each engine
TOKENS = 800  # some seconds, when eight are generated at once
PROMPTS = ["Count to 30", "Who are you?"]


@dataclass
class Told:
    """What a stream has said so far; `failed` once an error event has ended it."""

    prompt: str
    id: str = ""
    text: str = ""
    tokens: int = 0
    failed: bool = False

    def hear(self, event: dict[str, Any]) -> None:
        self.failed = "error" in event
        for choice in event.get("choices", ()):
            self.id = event["id"]
            self.text += choice["delta"].get("content") or ""
            self.tokens += len((choice["logprobs"] or {"content": ()})["content"])


@dataclass
class Engine:
    """A process of its own on a port of its own."""

    apart: Server
    port: int = field(default_factory=free_port)

    @property
    def address(self) -> str:
        return f"tcp:127.0.0.1:{self.port}"

    def running(self) -> AbstractContextManager["Popen[bytes]"]:
        return started(
            self.apart, "serve_engine", "--model", str(ROOT / "inference/builtin/weights"),
            "--threads", "1", "--max-sequences", str(AT_ONCE), "--listen", self.address,
        )  # fmt: skip

    def health(self) -> EngineHealth | None:
        """None while nobody listens."""

        async def ask() -> EngineHealth | None:
            client = LocalEngine(self.address, secret=SECRET)
            try:
                return await client.health()
            except EngineUnavailable:
                return None
            finally:
                await client.close()

        return asyncio.run(ask())


@pytest.fixture
def engines(pair: Pair, tmp_path: Path) -> Iterator[tuple[Engine, Engine]]:
    """Both run and are one row; the second one is the test's to kill."""
    found = Engine(Server(tmp_path)), Engine(Server(tmp_path))
    pair.site.manage(
        "models", "add", "twins", *(f"--engine=engine:{one.address}" for one in found), *PRICED,
        "--context", "2048",
    )  # fmt: skip
    with found[0].running():
        yield found


def test_of_two_engines_one_dies_and_is_taken_back(
    pair: Pair, engines: tuple[Engine, Engine]
) -> None:
    tenant = pair.site.tenant("Twins", credit="1.00", **GENEROUS)
    stays, doomed = engines
    with ThreadPoolExecutor(3 * AT_ONCE) as pool:
        with doomed.running() as process:
            wait_until(lambda: stays.health() and doomed.health(), START_SECONDS, "both answer")
            alone = {
                told.prompt: told.text
                for told in pool.map(partial(read, tenant), map(Told, PROMPTS))
            }
            everybody = [Told(PROMPTS[number % 2]) for number in range(3 * AT_ONCE)]
            ends = [pool.submit(read, tenant, told) for told in everybody]
            wait_until(lambda: full(everybody) and all(map(queued, engines)), 60, "both are full")
            process.kill()
            running, waiting = halves(everybody)
        for end in ends:
            end.result(120)

    assert [told.text for told in waiting] == [alone[told.prompt] for told in waiting]
    whole = [told for told in running if not told.failed]
    cut = [told for told in running if told.failed]
    assert (len(whole), len(cut)) == (AT_ONCE, AT_ONCE)
    assert [told.text for told in whole] == [alone[told.prompt] for told in whole]
    for told in cut:
        assert 20 < told.tokens < TOKENS
        assert alone[told.prompt].startswith(told.text)
    exact(pair, tenant, everybody)
    with doomed.running():
        wait_until(doomed.health, START_SECONDS, "it is up again")
        wait_until(lambda: serves_again(tenant, doomed), 60, "it is asked again")


def halves(everybody: list[Told]) -> tuple[list[Told], list[Told]]:
    """Who runs, and who has heard nothing yet: the engines decide which of them begin."""
    return [told for told in everybody if told.tokens], [
        told for told in everybody if not told.tokens
    ]


def full(everybody: list[Told]) -> bool:
    running, _ = halves(everybody)
    return len(running) == 2 * AT_ONCE and all(told.tokens > 20 for told in running)


def queued(engine: Engine) -> bool:
    health = engine.health()
    return health is not None and health.waiting_tokens > 0


def exact(pair: Pair, tenant: Tenant, answers: list[Told]) -> None:
    """Every delivered token is charged, and no other."""
    books = [tenant.get(f"/v1/generations/{told.id}") for told in answers]
    assert {book["state"] for book in books} == {"settled"}
    assert [book["completion_tokens"] for book in books] == [told.tokens for told in answers]
    assert tenant.balance_nano() >= 0  # nothing is held
    assert not any(json.loads(pair.site.manage("ledger", "audit", "--json")).values())


def serves_again(tenant: Tenant, engine: Engine) -> bool:
    for _ in range(2):  # equals take turns
        read(tenant, Told("Hello"), tokens=2)
    health = engine.health()
    return health is not None and health.steps > 0


def read(tenant: Tenant, told: Told, tokens: int = TOKENS) -> Told:
    body = {
        "model": "twins",
        "messages": [{"role": "user", "content": told.prompt}],
        "max_tokens": tokens,
        "logit_bias": {"0": -100, "2": -100},  # it never ends by itself
        "temperature": 0,
        "logprobs": True,  # one for each token, so that the delivered ones can be counted
        "stream": True,
    }
    with tenant.http() as http, http.stream("POST", "/v1/chat/completions", json=body) as answer:
        assert answer.status_code == 200, answer.read()
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                told.hear(json.loads(line.removeprefix("data: ")))
    return told
