"""How a generating route is told to the API's description: one Operation a path and method."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Operation:
    """What one method of one path takes and gives; the schemas are those that the code uses.

    `event` is one event of the stream, where the answer can be one. `parameters` are OpenAPI's
    parameter objects; those of the path are added by themselves.
    """

    id: str
    summary: str
    answer: type[BaseModel]
    request: type[BaseModel] | None = None
    event: type[BaseModel] | None = None
    description: str = ""
    parameters: tuple[Mapping[str, Any], ...] = ()
    tag: str = "generation"

    @property
    def models(self) -> tuple[type[BaseModel], ...]:
        return tuple(model for model in (self.request, self.answer, self.event) if model)


Operations = Mapping[str, Mapping[str, Operation]]
"""Path without prefix → method in lower case → Operation."""
IDEMPOTENCY_KEY: Mapping[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "The same key and body again: one charge, one answer, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
