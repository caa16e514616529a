"""The functions that a model may call, and which of them it must: the checks of every endpoint.

Chat completions wrap a `Function` in `{"type": "function", "function": …}`, Responses do not.
"""

import json
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic_core import PydanticCustomError

from inference.engines.base import Tool, ToolChoice
from inference.schemas.fields import Strict, refuse

MAX_TOOLS: Final = 128
MAX_SCHEMA_BYTES: Final = 64 * 1024
Mode = Literal["none", "auto", "required"]


def _small(schema: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode()) > (
        MAX_SCHEMA_BYTES
    ):
        raise PydanticCustomError("too_long", "a schema must not be larger than 64 KB")
    return schema


def _self_contained(schema: dict[str, Any]) -> dict[str, Any]:
    waiting: list[Any] = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            target = value.get("$ref", "#")
            if isinstance(target, str) and not target.startswith("#"):
                raise PydanticCustomError(
                    "remote_ref", "a schema may only refer to itself: write $ref as '#/…'"
                )
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return schema


def _of_an_object(schema: dict[str, Any]) -> dict[str, Any]:
    if schema.get("type", "object") != "object":
        raise PydanticCustomError("not_an_object", "the schema's type should be 'object'")
    return schema


FunctionName = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")
]
JsonSchema = Annotated[dict[str, Any], AfterValidator(_small), AfterValidator(_self_contained)]


class Function(Strict):
    name: FunctionName
    description: str | None = None
    parameters: Annotated[JsonSchema, AfterValidator(_of_an_object)] | None = Field(
        None, description="A JSON schema. Absent: no arguments; {}: any."
    )
    strict: bool | None = None

    def for_engine(self) -> Tool:
        return Tool(self.name, self.description, self.parameters, bool(self.strict))


class FunctionTool(Strict):
    """A tool of chat completions."""

    type: Literal["function"]
    function: Function


class FunctionReference(Strict):
    name: FunctionName


def require_different_names(functions: Sequence[Function], path: str) -> None:
    """`path` with `{}` for the place: `tools[{}].function.name`."""
    seen: set[str] = set()
    for place, function in enumerate(functions):
        if function.name in seen:
            raise refuse(path.format(place), f"'{function.name}' is already another tool's name")
        seen.add(function.name)


def choose(
    functions: Sequence[Function], mode: Mode, names: Sequence[str] | None, param: str
) -> ToolChoice:
    """`names`: only these may be called. Errors name `param`, the parameter that holds them."""
    known = {function.name for function in functions}
    for name in names or ():
        if name not in known:
            raise refuse(param, f"there is no tool with the name '{name}'")
    return ToolChoice(mode, None if names is None else tuple(names))
