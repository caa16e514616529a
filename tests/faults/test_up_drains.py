"""A stop cuts no answer: under both servers a stream runs to its end before the site does."""

import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.processes import living
from tests.running import Server, Tenant, wait_until

pytestmark = pytest.mark.xdist_group("up")
WORDS = 60


@pytest.fixture(params=["daphne", "uvicorn"])
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Server]:
    server = Server(tmp_path / "data", options=("--server", request.param)).start()
    server.manage(
        *("models", "add", "scripted", "--engine", "scripted:", "--context", "8192"),
        *("--input-price", "1", "--output-price", "2"),
    )
    yield server
    if server.process and server.process.poll() is None:
        server.stop()


class Stream(threading.Thread):
    """Reads one long answer; `events` grows while it comes."""

    def __init__(self, tenant: Tenant, pace: int) -> None:
        super().__init__(daemon=True)
        self.tenant, self.pace = tenant, pace
        self.events: list[str] = []
        self.arrived: list[float] = []
        self.error: Exception | None = None
        self.start()
        wait_until(lambda: self.events, 20, "a first event")

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


def test_sigterm_lets_streams_finish_and_refuses_new_calls(site: Server) -> None:
    tenant = site.tenant("Bees", credit="1.00")
    streams = [Stream(tenant, pace=50) for _ in range(3)]
    assert site.process is not None
    site.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert not site.ready()
    for stream in streams:
        stream.join(20)
        assert stream.error is None
        assert stream.events[-1] == "data: [DONE]"
        assert len(stream.events) >= WORDS
    assert site.process.wait(15) == 0
    assert living(site.data) == {}
    site.start()
    assert tenant.balance_nano() < 10**9  # and nothing is held any more


def test_every_word_leaves_when_it_is_made(site: Server) -> None:
    stream = Stream(site.tenant("Bees", credit="1.00"), pace=50)
    stream.join(30)
    gaps = sorted(b - a for a, b in zip(stream.arrived, stream.arrived[1:], strict=False))
    assert 0.02 < gaps[len(gaps) // 2] < 0.2


def test_a_second_signal_cuts_streams_and_still_charges_them(site: Server) -> None:
    tenant = site.tenant("Bees", credit="1.00")
    stream = Stream(tenant, pace=1000)
    assert site.process is not None
    site.process.send_signal(signal.SIGINT)
    time.sleep(1.5)
    assert site.process.poll() is None
    site.process.send_signal(signal.SIGINT)
    assert site.process.wait(15) == 0
    stream.join(5)
    assert stream.events[-1] != "data: [DONE]"
    assert living(site.data) == {}
    site.start()
    assert 0 < 10**9 - tenant.balance_nano() < WORDS * 2000
