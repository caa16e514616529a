"""A stop cuts no answer: under both servers a stream runs to its end before the site does."""

import signal
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from tests.faults.processes import ended, living, money
from tests.patience import PATIENCE
from tests.running import Server, Tenant, wait_until

WORDS = 60


@pytest.fixture(params=["daphne", "uvicorn"])
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    options = ("--server", request.param, "--no-worker")
    server = Server(tmp_path / "data", options=options, engine=False).start()
    server.manage(
        *("models", "add", "scripted", "--engine", "scripted:", "--context", "8192"),
        *("--input-price", "1", "--output-price", "2"),
    )
    yield server
    server.end()


class Stream(threading.Thread):
    """Reads one long answer; `events` grows while it comes."""

    def __init__(self, tenant: Tenant, pace: int) -> None:
        super().__init__(daemon=True)
        self.tenant, self.pace = tenant, pace
        self.events: list[str] = []
        self.arrived: list[float] = []
        self.error: Exception | None = None
        self.start()
        wait_until(lambda: self.events, PATIENCE, "a first event")

    def run(self) -> None:
        body = {
            "model": "scripted", "stream": True, "max_tokens": 1000,
            "messages": [{"role": "user", "content": f"#words={WORDS} #pace={self.pace}"}],
        }  # fmt: skip
        try:
            with (
                self.tenant.http() as http,
                http.stream("POST", "/v1/chat/completions", json=body) as answer,
            ):
                for line in answer.iter_lines():
                    if line:
                        self.events.append(line)
                        self.arrived.append(time.monotonic())
        except httpx.HTTPError as error:
            self.error = error


def test_sigterm_lets_streams_finish_and_charges_them(site: Server) -> None:
    tenant = site.tenant("Bees", credit="1.00")
    streams = [Stream(tenant, pace=100) for _ in range(3)]  # six seconds
    assert site.process is not None
    site.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not site.ready(), PATIENCE, "no new calls")
    assert any(stream.is_alive() for stream in streams)
    for stream in streams:
        stream.join(PATIENCE)
        assert stream.error is None
        assert stream.events[-1] == "data: [DONE]"
        assert len(stream.events) >= WORDS
    assert ended(site, PATIENCE) == 0
    assert living(site.data) == {}
    available, held = money(site.data)[tenant.organisation]
    prompts = 3 * 2 * 1000  # two words each, a thousand nano-dollars a token
    assert (available, held) == (10**9 - prompts - 3 * WORDS * 2000, 0)
    # Every word left when it was made, not in one lump at the end.
    gaps = sorted(b - a for a, b in pairwise(streams[0].arrived))
    assert gaps[len(gaps) // 2] > 0.04


def test_a_second_signal_cuts_streams_and_still_charges_them(site: Server) -> None:
    tenant = site.tenant("Bees", credit="1.00")
    stream = Stream(tenant, pace=1000)
    assert site.process is not None
    site.process.send_signal(signal.SIGINT)
    time.sleep(1.5)
    assert site.process.poll() is None
    site.process.send_signal(signal.SIGINT)
    assert ended(site, PATIENCE) == 0
    stream.join(PATIENCE)
    assert stream.events[-1] != "data: [DONE]"
    assert living(site.data) == {}
    available, held = money(site.data)[tenant.organisation]
    assert held == 0
    assert 0 < 10**9 - available < WORDS * 2000


def test_sigterm_lets_an_answer_in_the_background_finish(site: Server) -> None:
    tenant = site.tenant("Bees", credit="1.00")
    asked = {"model": "scripted", "input": f"#words={WORDS} #pace=100", "background": True}
    with tenant.http() as http:
        response_id = http.post("/v1/responses", json=asked).json()["id"]
    assert site.stop() == 0
    site.start()
    with tenant.http() as http:
        response = http.get(f"/v1/responses/{response_id}").json()
    assert response["status"] == "completed"
    assert response["usage"]["output_tokens"] == WORDS
