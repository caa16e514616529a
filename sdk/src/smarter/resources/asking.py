"""How resources ask: path segments that stay segments, and queries without what was left out."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from openai import RequestOptions


def segment(name: str) -> str:
    """A name as one segment of a path, whatever is in it; an empty one would ask for the list."""
    if not name:
        raise ValueError("Expected a name or an id, got an empty string.")
    return quote(name, safe="")


def query(**given: Any) -> RequestOptions:
    """Request options with the parameters that are not None."""
    return {"params": present(given)}


def present(given: Mapping[str, Any]) -> dict[str, Any]:
    """What was given, without the rest."""
    return {name: value for name, value in given.items() if value is not None}
