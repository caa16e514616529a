"""The cast for tests that drive the running server from outside."""

import os
import threading
import time
from collections.abc import Iterator

import pytest

from tests.processor_time import processor_seconds
from tests.running import Server, Tenant

QUICK = 2.0  # seconds
GENEROUS = {"requests_per_minute": 100_000, "tokens_per_minute": 100_000_000}


@pytest.fixture(scope="session")
def ada(server: Server) -> Tenant:
    """An organisation with five dollars and limits that do not matter."""
    return server.tenant("Ada's bakery", credit="5.00", **GENEROUS)


@pytest.fixture
def quick(server: Server) -> Iterator[None]:
    """What a test asks for is little work for the web process, however slow a busy machine is."""
    web = server.child("serve ")
    began = processor_seconds(web)
    yield
    assert processor_seconds(web) - began < QUICK


@pytest.fixture(scope="module")
def bystander(ada: Tenant) -> Iterator[list[float]]:
    """Someone else who is served all the while; how long each of their calls took."""
    took: list[float] = []
    stop = threading.Event()

    def go_on() -> None:
        while not stop.is_set():
            start = time.monotonic()
            ada.ask("Hello!")
            took.append(time.monotonic() - start)
            time.sleep(0.1)

    thread = threading.Thread(target=go_on)
    thread.start()
    yield took
    stop.set()
    thread.join()
    assert took, "the bystander was never served"
    # Three seconds, on a machine that has a processor for everybody.
    crowd = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert max(took) < 3 * crowd, "hostile input made others wait"
