"""A body larger than its path allows is refused, announced or not, in our envelope."""

from collections.abc import AsyncIterator

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from api.body_limits import LARGEST_FILE, BodyLimits, Headers, Limits
from api.strict_json import MAX_BYTES
from config import large_bodies


async def measure(request: Request) -> Response:
    return JSONResponse(len(await request.body()))


def has_key(headers: Headers) -> bool:
    return (b"authorization", b"Bearer key") in headers


KEY = {"authorization": "Bearer key"}


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    routes = [Route(path, measure, methods=["POST"]) for path in ("/v1/any", "/v1/files")]
    limits = Limits(usual=1_000, file=2_000, may_be_large=has_key)
    app = BodyLimits(Starlette(routes=routes), limits)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


async def chunks(total: int) -> AsyncIterator[bytes]:
    for _ in range(total // 100):
        yield b"x" * 100
    yield b"x" * (total % 100)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_at_the_limit_passes(http: httpx.AsyncClient, chunked: bool) -> None:
    content = chunks(1_000) if chunked else b"x" * 1_000
    assert (await http.post("/v1/any", content=content)).json() == 1_000


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_over_the_limit_is_refused(http: httpx.AsyncClient, chunked: bool) -> None:
    answer = await http.post("/v1/any", content=chunks(1_001) if chunked else b"x" * 1_001)
    assert answer.status_code == 413
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert error["code"] == "request_too_large"
    assert "1,000 bytes" in error["message"]


async def test_files_may_be_larger(http: httpx.AsyncClient) -> None:
    assert (await http.post("/v1/files", content=b"x" * 2_000, headers=KEY)).json() == 2_000
    assert (await http.post("/v1/files", content=b"x" * 2_001, headers=KEY)).status_code == 413
    assert (await http.post("/v1/any", content=b"x" * 2_000, headers=KEY)).status_code == 413


async def test_without_a_key_no_file_is_larger(http: httpx.AsyncClient) -> None:
    assert (await http.post("/v1/files", content=b"x" * 1_000)).json() == 1_000
    assert (await http.post("/v1/files", content=b"x" * 1_001)).status_code == 413


async def test_an_absurd_announcement_is_refused_unread(http: httpx.AsyncClient) -> None:
    answer = await http.post("/v1/any", headers={"content-length": "9" * 60}, content=b"")
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("path", "cookie", "is_large"),
    [
        ("/dashboard/acme/files/new", "theme=dark; sessionid=" + "a" * 32, True),
        ("/dashboard/acme/chatbots/support/files", "sessionid=" + "a" * 32, True),
        ("/dashboard/acme/files/new", "theme=dark", False),
        ("/dashboard/acme/files/new", "sessionid=short", False),
        ("/dashboard/acme/chatbots/support/settings", "sessionid=" + "a" * 32, False),
    ],
)
def test_browsers_send_large_files_in_a_session_alone(
    path: str, cookie: str, is_large: bool
) -> None:
    limit = large_bodies.LIMITS.of(path, [(b"cookie", cookie.encode())])
    assert limit == (LARGEST_FILE if is_large else MAX_BYTES)
