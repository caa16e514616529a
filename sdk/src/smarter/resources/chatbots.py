"""Chatbots: `client.resources.chatbots.get(name="my-chatbot").prompt("Hello, World!")`."""

from typing import Literal, overload

from openai import OpenAI, Stream
from openai.pagination import SyncCursorPage
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


class Chatbot(ChatbotObject):
    """A chatbot that can be talked to."""

    _client: OpenAI = PrivateAttr()

    def bound_to(self, client: OpenAI) -> "Chatbot":
        """Itself, with the client that it speaks through."""
        self._client = client
        return self

    @overload
    def prompt(
        self, text: Prompt, *, stream: Literal[False] = False, **asked: Unpack[Asked]
    ) -> Reply: ...
    @overload
    def prompt(
        self, text: Prompt, *, stream: Literal[True], **asked: Unpack[Asked]
    ) -> Stream[ReplyChunk]: ...
    def prompt(
        self, text: Prompt, *, stream: bool = False, **asked: Unpack[Asked]
    ) -> Reply | Stream[ReplyChunk]:
        """Asks it; the answer prints as its text, and so does each piece of a streamed one."""
        return self._client.post(
            f"/chatbots/{segment(self.name)}/prompt",
            cast_to=Reply,
            body=prompt_body(text, stream, asked),
            options=prompt_options(asked),
            stream=stream,
            stream_cls=Stream[ReplyChunk],
        )


class ChatbotPage(SyncCursorPage[Chatbot]):
    """A page of chatbots, each bound to the client that listed them."""

    def _get_page_items(self) -> list[Chatbot]:
        return [each.bound_to(self._client) for each in super()._get_page_items()]  # type: ignore[arg-type]  # pages know it by its base


class Versions:
    """What was published of a chatbot, and what to publish next."""

    def __init__(self, client: OpenAI, name: str) -> None:
        self._client, self._path = client, f"/chatbots/{segment(name)}/versions"

    def list(self, *, limit: int | None = None) -> SyncCursorPage[ChatbotVersion]:
        return self._client.get_api_list(
            self._path, model=ChatbotVersion, page=SyncCursorPage[ChatbotVersion],
            options=query(limit=limit),
        )  # fmt: skip

    def publish(self, *, note: str = "") -> ChatbotVersion:
        """Makes the draft a version, and that version live."""
        return self._client.post(self._path, cast_to=ChatbotVersion, body={"note": note})


class Chatbots:
    """The organisation's chatbots."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client

    def get(self, name: str) -> Chatbot:
        found = self._client.get(f"/chatbots/{segment(name)}", cast_to=Chatbot)
        return found.bound_to(self._client)

    def list(self, *, limit: int | None = None) -> ChatbotPage:
        return self._client.get_api_list(
            "/chatbots", model=Chatbot, page=ChatbotPage, options=query(limit=limit)
        )

    def create(self, **fields: Unpack[ChatbotFields]) -> Chatbot:
        made = self._client.post("/chatbots", cast_to=Chatbot, body=fields)
        return made.bound_to(self._client)

    def update(self, name: str, /, **fields: Unpack[ChatbotFields]) -> Chatbot:
        changed = self._client.patch(f"/chatbots/{segment(name)}", cast_to=Chatbot, body=fields)
        return changed.bound_to(self._client)

    def delete(self, name: str) -> Deleted:
        return self._client.delete(f"/chatbots/{segment(name)}", cast_to=Deleted)

    def versions(self, name: str) -> Versions:
        return Versions(self._client, name)

    def conversations(
        self, name: str, *, limit: int | None = None
    ) -> SyncCursorPage[ChatbotConversation]:
        return self._client.get_api_list(
            f"/chatbots/{segment(name)}/conversations",
            model=ChatbotConversation,
            page=SyncCursorPage[ChatbotConversation],
            options=query(limit=limit),
        )
