"""Resources count as requests of their key, and every authenticated answer says what remains."""

from collections.abc import AsyncIterator
from typing import cast

import httpx
import pytest
from django.core.handlers.asgi import ASGIHandler
from starlette.types import ASGIApp

from accounts.models import APIKey
from api.request_ids import RequestIds
from tests.cast import Person

SIX = {
    f"x-ratelimit-{what}-{of}"
    for what in ("limit", "remaining", "reset")
    for of in ("requests", "tokens")
}


@pytest.fixture
async def http(async_db: None, ada: Person) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(RequestIds(cast(ASGIApp, ASGIHandler())))
    headers = {"authorization": f"Bearer {ada.key}", "host": "localhost"}
    async with httpx.AsyncClient(
        transport=transport, base_url="http://localhost", headers=headers
    ) as client:
        yield client


async def test_answers_and_errors_carry_the_six_headers(http: httpx.AsyncClient) -> None:
    for number, (method, path, status) in enumerate(
        [
            ("GET", "/v1/me", 200),
            ("GET", "/v1/api_keys/key_unknown", 404),
            ("PUT", "/v1/me", 405),
            ("PATCH", "/v1/organisation", 400),
        ]
    ):
        answer = await http.request(method, path, content="{")
        assert answer.status_code == status
        assert answer.headers.keys() >= SIX
        assert answer.headers["x-ratelimit-limit-requests"] == "60"
        assert answer.headers["x-ratelimit-remaining-requests"] == str(59 - number)
        assert answer.headers["x-ratelimit-limit-tokens"] == "150000"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-request-id"]


async def test_the_request_after_the_limit_is_told_when_to_come_back(
    http: httpx.AsyncClient,
) -> None:
    await APIKey.objects.aupdate(requests_per_minute=3)
    statuses = [(await http.get("/v1/me")).status_code for _ in range(3)]
    assert statuses == [200] * 3
    refused = await http.get("/v1/me")
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert refused.headers.keys() >= SIX
    assert refused.headers["x-ratelimit-remaining-requests"] == "0"
    assert 55 <= int(refused.headers["retry-after"]) <= 60
    assert 55_000 <= int(refused.headers["retry-after-ms"]) <= 60_000


async def test_strangers_learn_nothing_of_limits(http: httpx.AsyncClient) -> None:
    refused = await http.get("/v1/me", headers={"authorization": "Bearer sk-wrong"})
    assert refused.status_code == 401
    assert not SIX & refused.headers.keys()
    assert refused.headers["www-authenticate"] == "Bearer"
    assert refused.headers["cache-control"] == "no-store"
