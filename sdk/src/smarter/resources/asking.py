"""How resources ask, waited for or not: paths, queries and bodies, made once for both clients."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from openai import RequestOptions

from smarter.types.chatbots import Asked, Prompt


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


def prompt_body(text: Prompt, stream: bool, asked: Asked) -> dict[str, Any]:
    """What is sent; the timeout stays here."""
    said = {name: value for name, value in asked.items() if name != "timeout"}
    return {"input": text, "stream": stream, **said}


def prompt_options(asked: Asked) -> RequestOptions:
    return {"timeout": asked["timeout"]} if "timeout" in asked else {}
