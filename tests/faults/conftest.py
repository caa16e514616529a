"""A server to break: of its own, with a scripted model whose length and pace the tests choose."""

from collections.abc import Iterator

import pytest

from tests.running import Server, Tenant

GENEROUS = {"requests_per_minute": 100_000, "tokens_per_minute": 100_000_000}
INPUT, OUTPUT = 1_000_000, 2_000_000  # the scripted model's price, p$/token ($1 and $2 a million)


@pytest.fixture(scope="module")
def fire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The running product, whose processes the tests of a module may kill."""
    server = Server(tmp_path_factory.mktemp("fire") / "data").start()
    server.manage(
        *("models", "add", "scripted", "--engine", "scripted:"),
        *("--input-price", "1", "--output-price", "2", "--context", "8192"),
    )
    yield server
    server.stop()


@pytest.fixture
def rich(fire: Server, request: pytest.FixtureRequest) -> Tenant:
    """A new organisation with a dollar."""
    return fire.tenant(request.node.name[:60], credit="1.00", **GENEROUS)
