"""The tools and schemas that the checks ask with."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

ASK = "What is the weather in Paris?"
CITY: dict[str, Any] = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "required": ["city"],
    "additionalProperties": False,
}


def tool(name: str, parameters: dict[str, Any] = CITY) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


def flat(name: str, parameters: dict[str, Any] = CITY) -> dict[str, Any]:
    """As Responses want it."""
    return {"type": "function", "name": name, "parameters": parameters, "strict": True}


def named(name: str) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name}}


WEATHER, TIME = tool("get_weather"), tool("get_time")
TOOLS: dict[str, Any] = {"tools": [WEATHER, TIME]}
BOTH = "#call=get_weather #call=get_time from Paris and Rome, please"


class Step(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    number: int
    done: bool


class Plan(BaseModel):
    """What strict answers have to be."""

    model_config = ConfigDict(extra="forbid", strict=True)

    city: str
    kind: Literal["trip", "move"]
    steps: list[Step]


PLAN = Plan.model_json_schema()
PLANNED = "Plan a trip to Rome in 3 steps"
FORM: dict[str, Any] = {"name": "plan", "schema": PLAN, "strict": True}
UNSUPPORTED = {"type": "object", "properties": {"a": {"$ref": "https://example.com/a.json"}}}
