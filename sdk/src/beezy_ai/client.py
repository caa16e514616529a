"""The client: one resource with two calls, over the transport of `smarter`."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from beezy_ai.models import (
    ChatCompletionEvent,
    CreateChatCompletionRequestBody,
    CreateChatCompletionResponseBody,
    StreamChatCompletionsRequestBody,
    error_of,
)
from smarter import APIStatusError, AsyncSmarter, AsyncStream, Smarter, Stream

PATH = "/chat/completions"


class BeezyAI:
    """`api_key_auth` and `server_url` fall back to SMARTER_API_KEY and SMARTER_BASE_URL.

    Other options (`timeout`, `max_retries`, `http_client`) are those of `smarter.Smarter`.
    """

    def __init__(
        self, *, api_key_auth: str | None = None, server_url: str | None = None, **options: Any
    ) -> None:
        own = {"api_key": api_key_auth or None, "base_url": server_url}
        self._options: dict[str, Any] = {**options, **own}
        self.chat = Chat(Smarter(**self._options), self._options)

    def __enter__(self) -> "BeezyAI":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self.chat.close()


class Chat:
    """Chat completions, whole and streamed."""

    def __init__(self, client: Smarter, options: Mapping[str, Any]) -> None:
        self._client, self._options = client, options

    def create(
        self, *, request: CreateChatCompletionRequestBody
    ) -> CreateChatCompletionResponseBody:
        """The whole answer."""
        try:
            return self._client.post(
                PATH, cast_to=CreateChatCompletionResponseBody, body=_body(request, stream=False)
            )
        except APIStatusError as error:
            raise error_of(error) from error

    def stream(self, *, request: StreamChatCompletionsRequestBody) -> "EventStream":
        """The answer piece by piece: iterate with `for`, or with `async for`."""
        return EventStream(self._client, self._options, _body(request, stream=True))

    def close(self) -> None:
        """Closes its connections."""
        self._client.close()


class EventStream:
    """The pieces of an answer. The request is sent when the first one is asked for."""

    def __init__(self, client: Smarter, options: Mapping[str, Any], body: dict[str, Any]) -> None:
        self._client, self._options, self._body = client, options, body

    def __iter__(self) -> Iterator[ChatCompletionEvent]:
        try:
            with self._client.post(
                PATH,
                cast_to=ChatCompletionEvent,
                body=self._body,
                stream=True,
                stream_cls=Stream[ChatCompletionEvent],
            ) as events:
                yield from events
        except APIStatusError as error:
            raise error_of(error) from error

    async def __aiter__(self) -> AsyncIterator[ChatCompletionEvent]:
        options = {k: v for k, v in self._options.items() if k != "http_client"}
        try:
            async with AsyncSmarter(**options) as client:
                events = await client.post(
                    PATH,
                    cast_to=ChatCompletionEvent,
                    body=self._body,
                    stream=True,
                    stream_cls=AsyncStream[ChatCompletionEvent],
                )
                async for event in events:
                    yield event
        except APIStatusError as error:
            raise error_of(error) from error


def _body(request: Mapping[str, Any], *, stream: bool) -> dict[str, Any]:
    """The request in OpenAI's words: `random_seed` is its `seed`."""
    body = {**request, "stream": stream}
    if "random_seed" in body:
        body["seed"] = body.pop("random_seed")
    return body
