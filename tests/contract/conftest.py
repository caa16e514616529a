"""The cast for tests that drive the running server from outside."""

import pytest

from tests.running import Server, Tenant

GENEROUS = {"requests_per_minute": 100_000, "tokens_per_minute": 100_000_000}


@pytest.fixture(scope="session")
def ada(server: Server) -> Tenant:
    """An organisation with five dollars and limits that do not matter."""
    return server.tenant("Ada's bakery", credit="5.00", **GENEROUS)
