"""Models that are more: names with a prefix (`chatbot/…`) that an app above answers for.

That app registers who finds them; the road of a call stays the same, and its order is dressed: with
another prompt, another model's entry, somebody's budget.
"""

from collections.abc import Awaitable, Callable, Collection
from typing import Protocol

from accounts.authentication import Caller
from inference.catalog import CatalogEntry
from inference.responses.output import Annotate
from inference.runs.order import Order


class Persona(Protocol):
    @property
    def entry(self) -> CatalogEntry:
        """The model behind it, `requested` by the persona's name."""

    async def dressed(self, order: Order, given: Collection[str]) -> tuple[Order, Annotate | None]:
        """The order as the persona wants it, but for the parameters that the caller has `given`;
        and what is said about the answer's text. Raises ApiError."""


Find = Callable[[str, Caller, str], Awaitable[Persona]]
"""By its whole name, for a caller and a capability. Raises ApiError."""
_finders: dict[str, Find] = {}


def register(prefix: str, find: Find) -> None:
    """Once, when Django is ready."""
    _finders[prefix] = find


def is_one(name: str | None) -> bool:
    return name is not None and name.startswith(tuple(_finders))


async def find(name: str | None, caller: Caller, capability: str) -> Persona | None:
    """None for the name of a plain model. Raises what its finder raises."""
    for prefix, finder in _finders.items():
        if name and name.startswith(prefix):
            return await finder(name, caller, capability)
    return None
