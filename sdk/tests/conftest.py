"""A server that answers what a test wrote down, and remembers what was asked."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from smarter import AsyncSmarter, DefaultAsyncHttpxClient, DefaultHttpxClient, Smarter

KEY = "sk-secret0123456789"
COMPLETION = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
    "choices": [{
        "index": 0, "finish_reason": "stop", "logprobs": None,
        "message": {"role": "assistant", "content": "Hello!", "refusal": None},
    }],
}  # fmt: skip


class Script:
    """Answers in order, the last one again and again; `asked` holds the requests."""

    def __init__(self) -> None:
        self.answers: list[httpx.Response | Exception] = []
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(
            answer.status_code,
            headers={"x-request-id": "req_123", "retry-after-ms": "1", **answer.headers},
            content=answer.content,
        )

    async def later(self, request: httpx.Request) -> httpx.Response:
        return self(request)


def says(body: Any, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def refuses(status: int) -> httpx.Response:
    error = {"message": "No.", "type": "invalid_request_error", "param": None, "code": "no"}
    return says({"error": error}, status)


@pytest.fixture
def script() -> Script:
    made = Script()
    made.answers = [says(COMPLETION)]
    return made


@pytest.fixture
def client(script: Script) -> Iterator[Smarter]:
    http = DefaultHttpxClient(transport=httpx.MockTransport(script))
    with Smarter(api_key=KEY, base_url="http://platform.test/v1", http_client=http) as made:
        yield made


@pytest.fixture(params=["sync", "async"])
def say(request: pytest.FixtureRequest, script: Script) -> Callable[[], Any]:
    """One chat completion with the one client and with the other."""
    message: Any = {"messages": [{"role": "user", "content": "Hi"}], "model": "m"}
    if request.param == "sync":
        return lambda: request.getfixturevalue("client").chat.completions.create(**message)

    async def once() -> Any:
        http = DefaultAsyncHttpxClient(transport=httpx.MockTransport(script.later))
        async with AsyncSmarter(
            api_key=KEY, base_url="http://platform.test/v1", http_client=http
        ) as made:
            return await made.chat.completions.create(**message)

    return lambda: asyncio.run(once())
