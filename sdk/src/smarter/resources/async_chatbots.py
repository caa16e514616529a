"""Chatbots to be awaited: `chatbot = await client.resources.chatbots.get(name="my-chatbot")`."""

from typing import Literal, overload

from openai import AsyncOpenAI, AsyncStream
from openai.pagination import AsyncCursorPage
from pydantic import PrivateAttr
from typing_extensions import Unpack

from smarter.resources.asking import prompt_body, prompt_options, query, segment
from smarter.types import (
    ChatbotConversation,
    ChatbotFields,
    ChatbotVersion,
    Deleted,
    Reply,
    ReplyChunk,
)
from smarter.types.chatbots import Asked, ChatbotObject, Prompt


class AsyncChatbot(ChatbotObject):
    """A chatbot that can be talked to."""

    _client: AsyncOpenAI = PrivateAttr()

    def bound_to(self, client: AsyncOpenAI) -> "AsyncChatbot":
        """Itself, with the client that it speaks through."""
        self._client = client
        return self

    @overload
    async def prompt(
        self, text: Prompt, *, stream: Literal[False] = False, **asked: Unpack[Asked]
    ) -> Reply: ...
    @overload
    async def prompt(
        self, text: Prompt, *, stream: Literal[True], **asked: Unpack[Asked]
    ) -> AsyncStream[ReplyChunk]: ...
    async def prompt(
        self, text: Prompt, *, stream: bool = False, **asked: Unpack[Asked]
    ) -> Reply | AsyncStream[ReplyChunk]:
        """Asks it; the answer prints as its text, and so does each piece of a streamed one."""
        return await self._client.post(
            f"/chatbots/{segment(self.name)}/prompt",
            cast_to=Reply,
            body=prompt_body(text, stream, asked),
            options=prompt_options(asked),
            stream=stream,
            stream_cls=AsyncStream[ReplyChunk],
        )


class AsyncChatbotPage(AsyncCursorPage[AsyncChatbot]):
    """A page of chatbots, each bound to the client that listed them."""

    def _get_page_items(self) -> list[AsyncChatbot]:
        return [each.bound_to(self._client) for each in super()._get_page_items()]  # type: ignore[arg-type]  # pages know it by its base


class AsyncVersions:
    """What was published of a chatbot, and what to publish next."""

    def __init__(self, client: AsyncOpenAI, name: str) -> None:
        self._client, self._path = client, f"/chatbots/{segment(name)}/versions"

    async def list(self, *, limit: int | None = None) -> AsyncCursorPage[ChatbotVersion]:
        return await self._client.get_api_list(
            self._path, model=ChatbotVersion, page=AsyncCursorPage[ChatbotVersion],
            options=query(limit=limit),
        )  # fmt: skip

    async def publish(self, *, note: str = "") -> ChatbotVersion:
        """Makes the draft a version, and that version live."""
        return await self._client.post(self._path, cast_to=ChatbotVersion, body={"note": note})


class AsyncChatbots:
    """The organisation's chatbots."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client

    async def get(self, name: str) -> AsyncChatbot:
        found = await self._client.get(f"/chatbots/{segment(name)}", cast_to=AsyncChatbot)
        return found.bound_to(self._client)

    async def list(self, *, limit: int | None = None) -> AsyncChatbotPage:
        return await self._client.get_api_list(
            "/chatbots", model=AsyncChatbot, page=AsyncChatbotPage, options=query(limit=limit)
        )

    async def create(self, **fields: Unpack[ChatbotFields]) -> AsyncChatbot:
        made = await self._client.post("/chatbots", cast_to=AsyncChatbot, body=fields)
        return made.bound_to(self._client)

    async def update(self, name: str, /, **fields: Unpack[ChatbotFields]) -> AsyncChatbot:
        changed = await self._client.patch(
            f"/chatbots/{segment(name)}", cast_to=AsyncChatbot, body=fields
        )
        return changed.bound_to(self._client)

    async def delete(self, name: str) -> Deleted:
        return await self._client.delete(f"/chatbots/{segment(name)}", cast_to=Deleted)

    def versions(self, name: str) -> AsyncVersions:
        return AsyncVersions(self._client, name)

    async def conversations(
        self, name: str, *, limit: int | None = None
    ) -> AsyncCursorPage[ChatbotConversation]:
        return await self._client.get_api_list(
            f"/chatbots/{segment(name)}/conversations",
            model=ChatbotConversation,
            page=AsyncCursorPage[ChatbotConversation],
            options=query(limit=limit),
        )
