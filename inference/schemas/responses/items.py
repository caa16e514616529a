"""Items: what a response is asked with, what it answers, what a conversation holds."""

import secrets
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from inference.schemas.fields import UNKNOWN_KIND, OnlyFalse, ShortText, Strict, by_type
from inference.schemas.tools import FunctionName

MAX_ITEMS: Final = 2048
ID_DIGITS: Final = 32
PREFIXES: Final = {
    "message": "msg",
    "function_call": "fc",
    "function_call_output": "fco",
    "custom_tool_call": "ctc",
    "custom_tool_call_output": "ctco",
    "reasoning": "rs",
    "compaction": "cmp",
}
ItemStatus = Literal["in_progress", "completed", "incomplete"]
Item = dict[str, Any]
"""An item as it is stored and answered: plain JSON, with its `id`."""


class InputText(Strict):
    type: Literal["input_text"]
    text: str
    prompt_cache_breakpoint: dict[str, Any] | None = None


class OutputText(Strict):
    """Of an earlier answer; only its text is read."""

    type: Literal["output_text"]
    text: str
    annotations: list[dict[str, Any]] | None = None
    logprobs: list[dict[str, Any]] | None = None
    parsed: Any = None  # what the vendor's client adds when it has read JSON


class Refusal(Strict):
    type: Literal["refusal"]
    refusal: str


def _string_or_parts(content: object) -> str:
    return "(parts)" if isinstance(content, list) else "(string)"


Part = Annotated[
    Annotated[InputText, Tag("(input_text)")]
    | Annotated[OutputText, Tag("(output_text)")]
    | Annotated[Refusal, Tag("(refusal)")],
    by_type("input_text", "output_text", "refusal"),
]
TextPart = Annotated[Annotated[InputText, Tag("(input_text)")], by_type("input_text")]
Parts = Annotated[list[Part], Field(max_length=MAX_ITEMS, fail_fast=True)]
Content = Annotated[
    Annotated[str, Tag("(string)")] | Annotated[Parts, Tag("(parts)")],
    Discriminator(_string_or_parts),
]
ToolOutput = Annotated[
    Annotated[str, Tag("(string)")]
    | Annotated[list[TextPart], Field(max_length=MAX_ITEMS, fail_fast=True), Tag("(parts)")],
    Discriminator(_string_or_parts),
]
CallID = Annotated[str, StringConstraints(min_length=1, max_length=512)]


class MessageItem(Strict):
    """The short form (`role`, `content`) and the long one that answers have."""

    type: Literal["message"] | None = None
    role: Literal["user", "assistant", "system", "developer"]
    content: Content
    id: ShortText | None = None
    status: ItemStatus | None = None
    phase: Literal["commentary", "final_answer"] | None = None


class _Call(Strict):
    id: ShortText | None = None
    call_id: CallID
    name: FunctionName
    status: ItemStatus | None = None
    namespace: None = None
    caller: dict[str, Any] | None = None
    async_: OnlyFalse | None = Field(None, alias="async")


class FunctionCallItem(_Call):
    type: Literal["function_call"]
    arguments: str
    parsed_arguments: Any = None  # what the vendor's client adds


class CustomToolCallItem(_Call):
    type: Literal["custom_tool_call"]
    input: str


class _CallOutput(Strict):
    id: ShortText | None = None
    call_id: CallID
    output: ToolOutput
    status: ItemStatus | None = None
    caller: dict[str, Any] | None = None


class FunctionCallOutputItem(_CallOutput):
    type: Literal["function_call_output"]
    name: ShortText | None = None


class CustomToolCallOutputItem(_CallOutput):
    type: Literal["custom_tool_call_output"]


class ReasoningItem(Strict):
    """Of another server's model: kept, and not shown to ours."""

    type: Literal["reasoning"]
    id: ShortText | None = None
    summary: list[dict[str, Any]] | None = None
    content: list[dict[str, Any]] | None = None
    encrypted_content: str | None = None
    status: ItemStatus | None = None


class CompactionItem(Strict):
    """What `/responses/compact` made of earlier items."""

    type: Literal["compaction"]
    id: ShortText | None = None
    encrypted_content: str
    created_by: str | None = None


class ItemReference(Strict):
    """A stored item, by its id."""

    type: Literal["item_reference"] | None = None
    id: ShortText


KINDS: Final = (*PREFIXES, "item_reference")


def _kind(item: object) -> str | None:
    if not isinstance(item, dict):
        return "(message)"
    kind = item.get("type")
    if kind is None:
        return "(item_reference)" if item.keys() <= {"id", "type"} and item else "(message)"
    return f"({kind})" if kind in KINDS else None


InputItem = Annotated[
    Annotated[MessageItem, Tag("(message)")]
    | Annotated[FunctionCallItem, Tag("(function_call)")]
    | Annotated[FunctionCallOutputItem, Tag("(function_call_output)")]
    | Annotated[CustomToolCallItem, Tag("(custom_tool_call)")]
    | Annotated[CustomToolCallOutputItem, Tag("(custom_tool_call_output)")]
    | Annotated[ReasoningItem, Tag("(reasoning)")]
    | Annotated[CompactionItem, Tag("(compaction)")]
    | Annotated[ItemReference, Tag("(item_reference)")],
    Discriminator(
        _kind,
        custom_error_type=UNKNOWN_KIND,
        custom_error_message=f"this server knows {', '.join(map(repr, KINDS))}",
    ),
]
InputItems = Annotated[list[InputItem], Field(min_length=1, max_length=MAX_ITEMS, fail_fast=True)]


def item_id(kind: str, digits: str) -> str:
    return f"{PREFIXES[kind]}_{digits}"


def new_item_id(kind: str) -> str:
    """`message` → `msg_` and 32 hex digits."""
    return item_id(kind, secrets.token_hex(ID_DIGITS // 2))


def stored(item: InputItem, new_id: str) -> Item:
    """The item in the long form that is stored and listed, under an id of its own."""
    plain: Item = {
        **item.model_dump(exclude_none=True, by_alias=True, serialize_as_any=True),
        "id": new_id,
    }
    if isinstance(item, MessageItem):
        plain["type"] = "message"
        if isinstance(item.content, str):
            plain["content"] = [_text_part(item.role, item.content)]
    if item.type not in {"reasoning", "compaction"}:
        plain["status"] = plain.get("status", "completed")
    return plain


def _text_part(role: str, text: str) -> Item:
    if role == "assistant":
        return {"type": "output_text", "text": text, "annotations": []}
    return {"type": "input_text", "text": text}
