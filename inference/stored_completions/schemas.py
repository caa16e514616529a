"""What the routes of stored chat completions take and answer; tests hold answers to it."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from inference.models import StoredCompletion
from inference.schemas.answers import ChatCompletion, Shape
from inference.schemas.chat_completions import Label
from inference.schemas.fields import ShortText, Strict, at_most


class StoredChatCompletionUpdate(Strict):
    metadata: Annotated[dict[Label, ShortText], at_most(16)] | None = Field(
        description="Replaces what is there; null: none."
    )


class StoredChatCompletion(ChatCompletion):
    """The answer as it was sent, its labels, and how it was asked for."""

    request_id: str
    metadata: dict[str, str]
    temperature: float | None
    top_p: float | None
    presence_penalty: float | None
    frequency_penalty: float | None
    seed: int | None
    tools: list[dict[str, Any]] | None
    tool_choice: str | dict[str, Any] | None
    response_format: dict[str, Any] | None
    input_user: str | None


class _Page(Shape):
    object: Literal["list"]
    has_more: bool
    first_id: str | None
    last_id: str | None


class StoredChatCompletionList(_Page):
    data: list[StoredChatCompletion]


class StoredMessage(Shape):
    id: str
    role: str
    content: str | None
    content_parts: list[dict[str, Any]] | None = Field(description="Content that came in parts.")
    name: str | None
    refusal: str | None
    tool_calls: list[dict[str, Any]] | None = None
    tool_call_id: str | None = None
    function_call: dict[str, Any] | None = None


class StoredMessageList(_Page):
    data: list[StoredMessage]


class DeletedChatCompletion(Shape):
    id: str
    object: Literal["chat.completion.deleted"]
    deleted: bool


DESCRIBED: Final[tuple[type[BaseModel], ...]] = (
    StoredChatCompletionUpdate,
    StoredChatCompletionList,
    StoredMessageList,
    DeletedChatCompletion,
)
_ASKED: Final = tuple(
    name for name in StoredChatCompletion.model_fields if name not in ChatCompletion.model_fields
)


def shown(completion: StoredCompletion) -> dict[str, Any]:
    asked = {name: completion.settings.get(name) for name in _ASKED}
    return {
        **completion.answer,
        **asked,
        "input_user": completion.settings.get("user"),
        "request_id": completion.id.replace("chatcmpl-", "req_"),
        "metadata": completion.metadata,
    }
