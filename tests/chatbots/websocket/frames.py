"""The published schema at hand, and one good frame of each kind that a client sends."""

import json
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # ships no types

from chatbots.protocol import document

Frame = dict[str, Any]
CLIENT: list[Frame] = [
    {
        "type": "session.update",
        "session": {
            "key": "pk-1",
            "visitor_token": "t",
            "user_token": "u",
            "preview": "p",
            "conversation": "chat_1",
            "resume": {"response_id": "resp_1", "starting_after": 3},
            "locale": "de-AT",
            "page": {"origin_path": "/cakes", "title": "Cakes"},
            "client": "widget/1.2.0",
        },
    },
    {"type": "response.create", "event_id": "e1", "input": "Hello", "metadata": {"a": "b"}},
    {"type": "response.cancel", "response_id": "resp_1"},
    {"type": "response.resume", "response_id": "resp_1", "starting_after": 0},
    {"type": "conversation.create"},
    {"type": "conversation.items.list", "before": "msg_1", "limit": 10},
    {"type": "feedback.create", "item_id": "msg_1", "rating": None, "comment": "Better now."},
    {"type": "ping", "t": 12},
]


@cache
def validator(end: str) -> Draft202012Validator:
    """`ClientFrame` or `ServerFrame`."""
    schema = json.loads(document.SCHEMA.read_text())
    return Draft202012Validator({"$ref": f"#/$defs/{end}", "$defs": schema["$defs"]})
