"""A server to break: of its own, with a scripted model whose length and pace the tests choose."""

from collections.abc import Iterator

import pytest

from tests import redis_server
from tests.faults.two_webs import PRICED, SECRET, Pair, running, serving, started
from tests.running import ROOT, Server, Tenant, free_port

GENEROUS = {"requests_per_minute": 100_000, "tokens_per_minute": 100_000_000}
INPUT, OUTPUT = 1_000_000, 2_000_000  # the scripted model's price, p$/token ($1 and $2 a million)


@pytest.fixture(scope="module")
def fire(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Server]:
    """The running product, whose processes the tests of a module may kill."""
    engine = getattr(request.module, "KILLS_THE_ENGINE", False)
    server = Server(tmp_path_factory.mktemp("fire") / "data", engine=engine).start()
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


@pytest.fixture(scope="package")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two web processes on one Postgres and one Redis, and an engine process of its own."""
    folder = tmp_path_factory.mktemp("pair")
    port = free_port()
    with pytest.MonkeyPatch.context() as patch, redis_server.running(folder) as redis:
        patch.setenv("REDIS_URL", redis.url)
        patch.setenv("BROKER_URL", redis.url)
        patch.setenv("SMARTER_ENGINE_SECRET", SECRET)
        apart = Server(folder / "apart")
        with (
            started(apart, "serve_engine", "--model", str(ROOT / "inference/builtin/weights"),
                    "--name", "apart", "--listen", f"tcp://127.0.0.1:{port}"),
            running(Server(folder / "data", engine=False)) as site,
            serving(site) as other,
        ):  # fmt: skip
            site.manage(
                "models", "add", "scripted", "--engine", "scripted:", *PRICED, "--context", "8192"
            )
            site.manage(
                "models", "add", "apart", "--engine", f"engine:tcp://127.0.0.1:{port}", *PRICED,
                "--context", "2048",
            )  # fmt: skip
            yield Pair(site, other, redis)
