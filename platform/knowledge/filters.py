"""Filters of a search: which attributes a file must have. OpenAI's shapes, and what they mean here.

A file without the attribute, or with one of another kind (text, number, true or false), equals
nothing and is neither greater nor less: only `ne` and `nin` let it pass.
"""

import operator
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Discriminator, Field, StringConstraints, Tag

from inference.schemas.fields import Strict

Value = str | float | bool
Attributes = Mapping[str, Value]
MOST_VALUES: Final = 100
MOST_FILTERS: Final = 50

Key = Annotated[str, StringConstraints(min_length=1, max_length=64)]
Text = Annotated[str, StringConstraints(max_length=512)]
Single = Text | bool | float


class Comparison(Strict):
    key: Key
    type: Literal["eq", "ne", "gt", "gte", "lt", "lte"]
    value: Single

    def accepts(self, attributes: Attributes) -> bool:
        found = attributes.get(self.key)
        if found is None or _kind(found) is not _kind(self.value):
            return self.type == "ne"
        return OPERATORS[self.type](found, self.value)


class Membership(Strict):
    key: Key
    type: Literal["in", "nin"]
    value: Annotated[list[Single], Field(max_length=MOST_VALUES)]

    def accepts(self, attributes: Attributes) -> bool:
        found = attributes.get(self.key)
        inside = found is not None and any(
            _kind(found) is _kind(value) and found == value for value in self.value
        )
        return inside is (self.type == "in")


class Compound(Strict):
    type: Literal["and", "or"]
    filters: Annotated[list["Filter"], Field(min_length=1, max_length=MOST_FILTERS)]

    def accepts(self, attributes: Attributes) -> bool:
        every = all if self.type == "and" else any
        return every(one.accepts(attributes) for one in self.filters)


def _shape(given: object) -> str:
    kind = given.get("type") if isinstance(given, dict) else getattr(given, "type", None)
    if kind in {"and", "or"}:
        return "(compound)"
    return "(membership)" if kind in {"in", "nin"} else "(comparison)"


Filter = Annotated[
    Annotated[Comparison, Tag("(comparison)")]
    | Annotated[Membership, Tag("(membership)")]
    | Annotated[Compound, Tag("(compound)")],
    Discriminator(_shape),
]
Compound.model_rebuild()

OPERATORS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def _kind(value: Value) -> type:
    """True is no number, and 1 is the same as 1.0."""
    return float if type(value) is int else type(value)
