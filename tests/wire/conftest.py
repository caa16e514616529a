"""The running server with a scripted model, the cast, and a proxy that may make mistakes."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import httpx
import pytest

from tests.running import Server
from tests.wire import proxy
from tests.wire.raw import Site

MODEL = "scripted-wire"
GENEROUS = {"requests_per_minute": 1_000_000, "tokens_per_minute": 1_000_000_000}
CAST: dict[str, dict[str, int]] = {
    "ada": GENEROUS,
    "mallory": GENEROUS,
    "ben": {"requests_per_minute": 500, "tokens_per_minute": 100_000_000},
    "poor": {"requests_per_minute": 1, "tokens_per_minute": 100_000},
}


@pytest.fixture(scope="session")
def direct(server: Server) -> Iterator[Site]:
    """The server itself."""
    with ThreadPoolExecutor() as pool:
        tenants = {
            name: pool.submit(server.tenant, f"{name} on the wire", credit="50.00", **limits)
            for name, limits in CAST.items()
        }
        server.manage(
            *("models", "add", MODEL, "--engine", "scripted:"),
            *("--input-price", "1", "--output-price", "2", "--context", "16384"),
        )
    keys = {name: tenant.result().api_key for name, tenant in tenants.items()}
    with httpx.Client(timeout=60) as http:
        yield Site(http, server.url, {**keys, "nobody": f"sk-{'wrong' * 8}"}, model=MODEL)


@pytest.fixture(scope="session")
def site(server: Server, direct: Site) -> Iterator[Site]:
    """The server behind the proxy."""
    with proxy.standing_before(server.url) as url:
        yield replace(direct, url=url)


@pytest.fixture(scope="session")
def builtin(site: Site) -> Site:
    """The same with the built-in model, which has an engine."""
    return replace(site, model="smarter-mini", prompt="Count to 5")
