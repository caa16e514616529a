"""Makes docs/protocol.schema.json and the tables of docs/protocol.md: `python -m` this module."""

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from chatbots.protocol.client import CLIENT_FRAMES, kinds
from chatbots.protocol.limits import MEANINGS
from chatbots.protocol.server import SERVER_FRAMES

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
SCHEMA: Final = DOCS / "protocol.schema.json"
PAGE: Final = DOCS / "protocol.md"
Schema = dict[str, Any]


def schema() -> Schema:
    """JSON Schema 2020-12; `#/$defs/ClientFrame` and `#/$defs/ServerFrame` are the two ends."""
    frames = (*CLIENT_FRAMES, *SERVER_FRAMES)
    _, made = models_json_schema([(frame, "validation") for frame in frames])
    for frame in frames:
        told = made["$defs"][frame.__name__]
        told["required"] = sorted({"type", *told.get("required", ())})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "chat.v1",
        "description": "Frames of the websocket protocol between a chat widget and the server.",
        "anyOf": [{"$ref": "#/$defs/ClientFrame"}, {"$ref": "#/$defs/ServerFrame"}],
        "$defs": {
            "ClientFrame": _one_of(CLIENT_FRAMES),
            "ServerFrame": _one_of(SERVER_FRAMES),
            **made["$defs"],
        },
    }


def page(text: str) -> str:
    """`text` with what stands between its marks made anew."""
    defs = schema()["$defs"]
    for name, table in {
        "client": _table(CLIENT_FRAMES, defs),
        "server": _table(SERVER_FRAMES, defs),
        "closing": _closing(),
    }.items():
        mark = re.compile(rf"(## {name.capitalize()}\b.*?\n\n)\|.*?\n(?=\n)", re.DOTALL)
        if found := mark.search(text):
            text = text[: found.start()] + found[1] + table + text[found.end() :]
    return text


def _one_of(frames: Sequence[type[BaseModel]]) -> Schema:
    return {"oneOf": [{"$ref": f"#/$defs/{frame.__name__}"} for frame in frames]}


def _table(frames: Sequence[type[BaseModel]], defs: Schema) -> str:
    rows = ["| frame | fields | what it does |", "|---|---|---|"]
    for frame in frames:
        names = ", ".join(f"`{kind}`" for kind in kinds(frame))
        fields = ", ".join(_fields(defs[frame.__name__], defs))
        rows.append(f"| {names} | {fields or 'none'} | {_said(frame.__doc__ or '')} |")
    return "\n".join(rows) + "\n"


def _fields(frame: Schema, defs: Schema) -> Iterator[str]:
    """A field that may be left out has a question mark; of an object its own fields."""
    for name, field in frame["properties"].items():
        if name == "type" and {"const", "enum"} & field.keys():
            continue  # the first column
        mark = "" if name in frame.get("required", ()) else "?"
        inner = _inner(field, defs)
        members = f"{{{', '.join(_fields(inner, defs))}}}" if inner else ""
        yield f"{name}{mark}{members}" if members else f"`{name}{mark}`"


def _inner(field: Schema, defs: Schema) -> Schema | None:
    references = [field, *field.get("anyOf", ()), field.get("items", {})]
    names = [one["$ref"].rpartition("/")[2] for one in references if "$ref" in one]
    inner = defs[names[0]] if names else {}
    return inner if "properties" in inner else None


def _said(words: str) -> str:
    return " ".join(words.split())


def _closing() -> str:
    rows = ["| code | meaning | connect again? |", "|---|---|---|"]
    rows += [
        f"| {code.value} | {meaning} | {'yes' if code.may_return else 'no'} |"
        for code, meaning in MEANINGS.items()
    ]
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(json.dumps(schema(), indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text()))
