"""beezy_ai: the two calls, both ways to iterate, and each error by its name."""

import asyncio
import json

import httpx
import pytest

import beezy_ai
from beezy_ai import BeezyAI, models
from sdk.tests.conftest import COMPLETION, KEY, Script, refuses, says
from smarter import APIConnectionError, DefaultHttpxClient

REQUEST: models.CreateChatCompletionRequestBody = {
    "model": "beezy-small-latest",
    "messages": [{"role": beezy_ai.ChatCompletionRole.USER, "content": "Hi"}],
    "random_seed": 1337,
}


@pytest.fixture
def beezy(script: Script) -> BeezyAI:
    http = DefaultHttpxClient(transport=httpx.MockTransport(script))
    return BeezyAI(api_key_auth=KEY, max_retries=0, http_client=http)


def test_an_answer_in_one_piece(script: Script, beezy: BeezyAI) -> None:
    script.answers = [says(COMPLETION)]
    answer = beezy.chat.create(request=REQUEST)
    assert isinstance(answer, models.CreateChatCompletionResponseBody)
    assert answer.choices[0].message.content == "Hello!"
    asked = json.loads(script.asked[0].content)
    assert asked["seed"] == 1337
    assert "random_seed" not in asked
    assert asked["messages"] == [{"role": "user", "content": "Hi"}]


def test_a_stream_of_events(script: Script, beezy: BeezyAI) -> None:
    piece = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    lines = f"data: {json.dumps({**piece, 'choices': []})}\n\ndata: [DONE]\n\n"
    headers = {"content-type": "text/event-stream"}
    script.answers = [httpx.Response(200, text=lines, headers=headers)]
    events = list(beezy.chat.stream(request={**REQUEST, "max_tokens": 5}))
    assert [type(event) for event in events] == [models.ChatCompletionEvent]
    assert json.loads(script.asked[0].content)["stream"] is True


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, models.BadRequest), (401, models.Unauthorized), (403, models.Forbidden),
        (404, models.NotFound), (429, models.TooManyRequests), (418, models.SDKError),
        (500, models.InternalServerError), (503, models.ServiceUnavailable),
    ],
)  # fmt: skip
def test_errors_have_their_names(
    status: int, error: type[models.SDKError], script: Script, beezy: BeezyAI
) -> None:
    script.answers = [refuses(status)]
    for ask in (
        lambda: beezy.chat.create(request=REQUEST),
        lambda: list(beezy.chat.stream(request=REQUEST)),
    ):
        with pytest.raises(models.SDKError) as raised:
            ask()
        assert type(raised.value) is error
        assert raised.value.status_code == status
        assert raised.value.request_id == "req_123"


def test_a_stream_can_be_awaited() -> None:
    async def go() -> None:
        async for _ in BeezyAI(
            api_key_auth=KEY, server_url="http://127.0.0.1:9/v1", max_retries=0
        ).chat.stream(request=REQUEST):
            pytest.fail("nobody answers there")

    with pytest.raises(APIConnectionError):
        asyncio.run(go())
