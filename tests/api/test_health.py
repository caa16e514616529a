"""Alive is the process; ready is the process with its database, as long as it is not stopping."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pytest_django import Settings

from api import database, health, sharing
from api.errors import DatabaseUnavailable
from api.request_ids import RequestIds
from tests import redis_server


@pytest.fixture
def http() -> httpx.AsyncClient:
    """Without any database."""
    transport = httpx.ASGITransport(RequestIds(health.application))
    return httpx.AsyncClient(transport=transport, base_url="http://10.1.2.3")


async def test_a_live_process_says_so_without_a_database(http: httpx.AsyncClient) -> None:
    answer = await http.get("/health/live")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert (await http.head("/health/live")).status_code == 200


async def test_a_ready_process_says_so_with_and_without_the_prefix(
    http: httpx.AsyncClient, async_db: None
) -> None:
    assert (await http.get("/health/ready")).json() == {"status": "ok"}
    assert (await http.get("/v1/health/ready")).json() == {"status": "ok"}


async def test_a_stopping_process_is_not_ready_and_still_alive(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "draining", True)
    answer = await http.get("/health/ready")
    assert answer.status_code == 503
    assert "stopping" in answer.json()["error"]["message"]
    assert answer.headers["retry-after"] == "1"
    assert (await http.get("/health/live")).status_code == 200


@pytest.mark.parametrize("hangs", [False, True])
async def test_without_its_database_a_process_is_not_ready_and_says_so_soon(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    @asynccontextmanager
    async def lost() -> AsyncIterator[database.Connection]:
        if hangs:
            await asyncio.sleep(60)
        raise DatabaseUnavailable("gone")
        yield

    monkeypatch.setattr(database, "connection", lost)
    monkeypatch.setattr(health, "READY_SECONDS", 0.1)
    began = time.monotonic()
    answer = await http.get("/health/ready")
    assert time.monotonic() - began < 2
    assert answer.status_code == 503
    assert answer.json()["error"]["message"] == "The database does not answer."


@redis_server.needed
async def test_readiness_says_whether_the_shared_redis_is_there_and_takes_calls_without_it(
    http: httpx.AsyncClient, async_db: None, settings: Settings, tmp_path: Path
) -> None:
    async def told() -> tuple[int, object]:
        answer = await http.get("/health/ready")
        return answer.status_code, answer.json()

    with redis_server.running(tmp_path) as redis:
        settings.REDIS_URL = redis.url
        assert await told() == (200, {"status": "ok", "redis": "ok"})
        redis.stop()
        assert await told() == (200, {"status": "ok", "redis": "away"})
        redis.start()
        road = sharing.road()
        assert road
        road._rests_until = 0.0  # as two seconds later
        assert await told() == (200, {"status": "ok", "redis": "ok"})
    await sharing.close()


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def test_health_takes_no_other_methods_and_says_which(
    http: httpx.AsyncClient, method: str
) -> None:
    answer = await http.request(method, "/health/live")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
    assert answer.json()["error"]["code"] == "method_not_allowed"
