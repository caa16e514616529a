"""`client.chat`, with `client.chat.responses` beside `client.chat.completions`."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from openai import AsyncOpenAI, OpenAI
from openai.resources.chat import AsyncChat as OpenAIAsyncChat
from openai.resources.chat import Chat as OpenAIChat
from openai.types.responses import Response


def _as_response_options(options: dict[str, Any]) -> dict[str, Any]:
    """Chat's `response_format` in Responses' words: `text.format`, without the inner level."""
    given: dict[str, Any] | None = options.pop("response_format", None)
    if given is not None:
        flat = {"type": given["type"], **given.get("json_schema", {})}
        options["text"] = {**options.get("text", {}), "format": flat}
    return options


class ChatResponses:
    """`client.responses`, which also takes the `response_format` of chat completions."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client

    def create(self, **options: Any) -> Response:
        create = cast(Callable[..., Response], self._client.responses.create)
        return create(**_as_response_options(options))


class AsyncChatResponses:
    """As `ChatResponses`, to be awaited."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client

    async def create(self, **options: Any) -> Response:
        create = cast(Callable[..., Awaitable[Response]], self._client.responses.create)
        return await create(**_as_response_options(options))


class Chat(OpenAIChat):
    @property
    def responses(self) -> ChatResponses:
        return ChatResponses(self._client)


class AsyncChat(OpenAIAsyncChat):
    @property
    def responses(self) -> AsyncChatResponses:
        return AsyncChatResponses(self._client)
