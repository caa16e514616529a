"""Chatbots: what they are, say and remember."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from openai import BaseModel
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from typing_extensions import TypedDict


class ChatbotFields(TypedDict, total=False):
    """What can be set when a chatbot is made or changed; `configuration` is its draft."""

    name: str
    title: str
    configuration: dict[str, Any]


Prompt = str | Sequence[Mapping[str, Any]]
"""What a chatbot is asked: a text, or messages with role and content."""


class Asked(TypedDict, total=False):
    """What goes with a prompt beside its text."""

    conversation: str
    metadata: dict[str, str]
    timeout: float


class ChatbotObject(BaseModel):
    """A chatbot as the platform answers it; `draft` is what the next version would be."""

    id: str
    object: str = "chatbot"
    name: str
    title: str | None = None
    state: str | None = None
    created_at: datetime | None = None


class Source(BaseModel):
    """A passage of the chatbot's knowledge that an answer leans on."""

    file_id: str | None = None
    filename: str | None = None
    chunk_id: str | None = None
    page: int | None = None
    text: str | None = None
    score: float | None = None


class Reply(ChatCompletion):
    """An answer to a prompt: a chat completion that prints as its text."""

    conversation: str | None = None
    sources: list[Source] | None = None

    @property
    def text(self) -> str:
        """What the chatbot said."""
        return self.choices[0].message.content or ""

    def __str__(self) -> str:
        return self.text


class ReplyChunk(ChatCompletionChunk):
    """A piece of a streamed answer that prints as its text."""

    conversation: str | None = None
    sources: list[Source] | None = None

    @property
    def text(self) -> str:
        """What this piece adds; empty for the first and the last ones."""
        return (self.choices[0].delta.content or "") if self.choices else ""

    def __str__(self) -> str:
        return self.text


class ChatbotVersion(BaseModel):
    """A published configuration; it never changes."""

    object: str
    number: int
    note: str
    author: str | None = None
    configuration: dict[str, Any]
    created_at: datetime


class ChatbotConversation(BaseModel):
    id: str
    object: str
    chatbot: str | None = None
    origin: str | None = None
    created_at: datetime
    last_message_at: datetime | None = None


class ChatbotMessage(BaseModel):
    id: str
    object: str
    role: str
    text: str | None = None
    status: str | None = None
    created_at: datetime


class Deleted(BaseModel):
    id: str
    object: str
    deleted: bool
