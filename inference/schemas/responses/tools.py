"""Tools of Responses: functions without a level between, and custom tools that take plain text."""

from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import Field, StringConstraints, Tag

from inference.engines.base import Tool, ToolChoice
from inference.schemas.fields import OnlyFalse, Strict, Unsupported, by_type, refuse
from inference.schemas.tools import MAX_TOOLS, Function, FunctionName, Mode

INPUT: Final = "input"
PLAIN_TEXT: Final = {
    "type": "object",
    "properties": {INPUT: {"type": "string"}},
    "required": [INPUT],
    "additionalProperties": False,
}


class FunctionTool(Function):
    """Not strict by default: OpenAI makes a schema strict where it can, and it is held anyway."""

    type: Literal["function"]
    output_schema: dict[str, Any] | None = None
    allowed_callers: list[Literal["direct"]] | None = None
    defer_loading: OnlyFalse | None = None
    async_: OnlyFalse | None = Field(None, alias="async")

    def echo(self) -> dict[str, Any]:
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": self.parameters,
            "strict": bool(self.strict),
        }


class AnyText(Strict):
    type: Literal["text"]


class CustomTool(Strict):
    """Offered to the model as a function with one text, its input."""

    type: Literal["custom"]
    name: FunctionName
    description: str | None = None
    format: Annotated[Annotated[AnyText, Tag("(text)")], by_type("text")] | None = None
    allowed_callers: list[Literal["direct"]] | None = None
    defer_loading: OnlyFalse | None = None
    async_: OnlyFalse | None = Field(None, alias="async")

    def for_engine(self) -> Tool:
        return Tool(self.name, self.description, PLAIN_TEXT)

    def echo(self) -> dict[str, Any]:
        return {
            "type": "custom",
            "name": self.name,
            "description": self.description,
            "format": {"type": "text"},
        }


AnyTool = Annotated[
    Annotated[FunctionTool, Tag("(function)")] | Annotated[CustomTool, Tag("(custom)")],
    by_type("function", "custom"),
]
Tools = Annotated[list[AnyTool], Field(max_length=MAX_TOOLS, fail_fast=True)]


class NamedTool(Strict):
    """`{"type": "function", "name": …}`, alone or in a list of allowed tools."""

    type: Literal["function", "custom"]
    name: Annotated[str, StringConstraints(max_length=512)]
    mode: Unsupported = None


class AllowedTools(Strict):
    type: Literal["allowed_tools"]
    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedTool], Field(min_length=1, max_length=MAX_TOOLS, fail_fast=True)]


NamedChoice = Annotated[
    Annotated[NamedTool, Tag("(function)")]
    | Annotated[NamedTool, Tag("(custom)")]
    | Annotated[AllowedTools, Tag("(allowed_tools)")],
    by_type("function", "custom", "allowed_tools"),
]


def require_different_names(tools: Sequence[AnyTool]) -> None:
    seen: set[str] = set()
    for place, tool in enumerate(tools):
        if tool.name in seen:
            raise refuse(f"tools[{place}].name", f"'{tool.name}' is already another tool's name")
        seen.add(tool.name)


def chosen(choice: Mode | NamedTool | AllowedTools | None, tools: Sequence[AnyTool]) -> ToolChoice:
    """What the engine is told. Raises what pydantic turns into an error of `tool_choice`."""
    match choice:
        case None:
            return ToolChoice()
        case NamedTool():
            return ToolChoice("required", _known([choice], tools, "tool_choice.name"))
        case AllowedTools():
            return ToolChoice(choice.mode, _known(choice.tools, tools, "tool_choice.tools"))
    if choice == "required" and not tools:
        raise refuse("tool_choice", "'required' needs tools")
    return ToolChoice(choice)


def _known(wanted: Sequence[NamedTool], tools: Sequence[AnyTool], param: str) -> tuple[str, ...]:
    offered = {(tool.type, tool.name) for tool in tools}
    for one in wanted:
        if (one.type, one.name) not in offered:
            raise refuse(param, f"there is no {one.type} tool with the name '{one.name}'")
    return tuple(one.name for one in wanted)
