"""The messages of a chat: roles, text parts, calls that a model made, what its tools answered."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from inference.engines.base import Message, ToolCall
from inference.schemas.fields import ShortText, Strict, Unsupported, by_type, refuse
from inference.schemas.tools import MAX_TOOLS, FunctionName

MAX_MESSAGES: Final = 2048
OF_CLIENTS: Final = "Clients add it to an answer and send it back. Left alone."
ENGINE_ROLES: Final = {"developer": "system", "function": "tool"}  # the others keep their name


class TextPart(Strict):
    type: Literal["text"]
    text: str


class RefusalPart(Strict):
    type: Literal["refusal"]
    refusal: str

    @property
    def text(self) -> str:
        return self.refusal


def _kind_of_content(content: object) -> str:
    return "(parts)" if isinstance(content, list) else "(string)"


Part = Annotated[
    Annotated[TextPart, Tag("(text)")] | Annotated[RefusalPart, Tag("(refusal)")],
    by_type("text", "refusal"),
]
Content = Annotated[
    Annotated[str, Tag("(string)")]
    | Annotated[
        list[Part], Field(min_length=1, max_length=MAX_MESSAGES, fail_fast=True), Tag("(parts)")
    ],
    Discriminator(_kind_of_content),
]


class FunctionCall(Strict):
    name: FunctionName
    arguments: str
    parsed_arguments: Any = Field(None, description=OF_CLIENTS)


class FunctionToolCall(Strict):
    id: Annotated[ShortText, Field(min_length=1)]
    type: Literal["function"]
    function: FunctionCall
    index: int | None = Field(None, description=OF_CLIENTS)

    def for_engine(self) -> ToolCall:
        return ToolCall(self.id, self.function.name, self.function.arguments)


class ChatMessage(Strict):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content | None = None
    name: ShortText | None = None
    refusal: str | None = None
    tool_calls: (
        Annotated[list[FunctionToolCall], Field(max_length=MAX_TOOLS, fail_fast=True)] | None
    ) = None
    tool_call_id: ShortText | None = None
    function_call: FunctionCall | None = Field(None, description="The older form of tool_calls.")
    annotations: list[Any] | None = Field(None, description=OF_CLIENTS)
    parsed: Any = Field(None, description=OF_CLIENTS)
    provider_specific_fields: Any = Field(None, description=OF_CLIENTS)
    audio: Unsupported = None

    @model_validator(mode="after")
    def _complete_for_its_role(self) -> Self:
        if self.role == "assistant":
            if self.content is None and not (self.refusal or self.calls):
                raise refuse("content", "an assistant's message needs it, or tool_calls")
        else:
            self._require("content")
        if self.role == "tool":
            self._require("tool_call_id")
        if self.role == "function":
            self._require("name")
        if self.calls and self.role != "assistant":
            name = "tool_calls" if self.tool_calls else "function_call"
            raise refuse(name, "only an assistant's message has it")
        return self

    def _require(self, name: str) -> None:
        if getattr(self, name) is None:
            raise refuse(name, f"a message of role {self.role} needs it")

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        """With the one of the older form, which has no id of its own."""
        made = tuple(call.for_engine() for call in self.tool_calls or ())
        if self.function_call is None:
            return made
        name, arguments = self.function_call.name, self.function_call.arguments
        return (*made, ToolCall(_older_id(name), name, arguments))

    @property
    def text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        if self.content is None:
            return self.refusal or ""
        return "\n".join(part.text for part in self.content)


def require_answered_calls(messages: Sequence[ChatMessage]) -> None:
    """Raises for a tool's message that answers none of the calls before it."""
    called: set[str] = set()
    for place, message in enumerate(messages):
        if message.tool_calls:
            called.update(call.id for call in message.tool_calls)
        if message.role != "tool":
            continue
        if not called:
            raise refuse(
                f"messages[{place}].role",
                "a message of role tool must be a response to an earlier message with tool_calls",
            )
        if message.tool_call_id not in called:
            raise refuse(
                f"messages[{place}].tool_call_id", "no earlier message has a tool call of this id"
            )


def for_engine(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """Tools' messages get the name of the function that was called."""
    names: dict[str | None, str] = {}
    made = []
    for message in messages:
        calls = message.calls
        names.update((call.id, call.name) for call in calls)
        answered = message.tool_call_id
        if message.role == "function":
            answered = _older_id(message.name or "")
        made.append(
            Message(
                ENGINE_ROLES.get(message.role, message.role),
                message.text,
                message.name or names.get(answered),
                calls,
                answered,
            )
        )
    return tuple(made)


def _older_id(name: str) -> str:
    return f"call_{name}"
