"""docs/protocol.md and its JSON Schema are what the source says, and both ends keep to them."""

import json
from typing import Any, get_args

import pytest
from jsonschema import (  # type: ignore[import-untyped]  # ships no types
    Draft202012Validator,
    ValidationError,
)
from pydantic import BaseModel

from api.errors import InvalidRequest, RateLimited
from chatbots.protocol import document, reading, writing
from chatbots.protocol.client import CLIENT_FRAMES, kinds
from chatbots.protocol.server import SERVER_FRAMES, SessionChange, SessionUpdated
from tests.chatbots.websocket.frames import CLIENT, validator

PUBLISHED = json.loads(document.SCHEMA.read_text())


def test_the_published_schema_is_the_one_of_the_source() -> None:
    assert document.schema() == PUBLISHED, "run: python -m chatbots.protocol.document"


def test_the_page_has_the_tables_of_the_source() -> None:
    text = document.PAGE.read_text()
    assert document.page(text) == text, "run: python -m chatbots.protocol.document"
    for frame in (*CLIENT_FRAMES, *SERVER_FRAMES):
        assert all(f"| `{kind}`" in text or f", `{kind}`" in text for kind in kinds(frame))


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(PUBLISHED)


@pytest.mark.parametrize("frame", CLIENT, ids=lambda frame: frame["type"])
def test_every_client_frame_is_read_and_is_in_the_schema(frame: dict[str, Any]) -> None:
    validator("ClientFrame").validate(frame)
    read = reading.frame_of(reading.body_of(json.dumps(frame)))
    assert read.type == frame["type"]  # type: ignore[attr-defined] # every frame has one


def test_no_client_frame_is_left_out_here() -> None:
    assert {frame["type"] for frame in CLIENT} == {k for f in CLIENT_FRAMES for k in kinds(f)}


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "response.create", "input": "Hello"},
        {"type": "response.create", "event_id": "1", "input": ""},
        {"type": "response.resume", "response_id": "r", "starting_after": -2},
        {"type": "conversation.items.list", "limit": 101},
        {"type": "feedback.create", "item_id": "m", "rating": "sideways"},
        {"type": "feedback.create", "item_id": "m"},
        {"type": "session.update"},
        {"type": "ping", "t": {}},
        {"type": "something.else"},
        {},
    ],
)
def test_what_the_schema_refuses_the_server_refuses_too(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        validator("ClientFrame").validate(wrong)
    with pytest.raises(InvalidRequest) as refused:
        reading.frame_of(wrong)
    assert refused.value.error_code == "invalid_frame"
    assert refused.value.param


def test_fields_that_nobody_knows_are_ignored() -> None:
    frame = {"type": "ping", "t": 1, "colour": "blue"}
    validator("ClientFrame").validate(frame)
    assert reading.frame_of(frame)


@pytest.mark.parametrize("name", ["model", "instructions", "tools", "temperature"])
def test_what_the_owner_decides_is_refused_by_name(name: str) -> None:
    frame = {"type": "response.create", "event_id": "1", "input": "Hello", name: None}
    with pytest.raises(InvalidRequest) as refused:
        reading.frame_of(frame)
    assert refused.value.param == name


@pytest.mark.parametrize(
    "text", [None, "", "null", "[]", "{", '{"type": NaN}', '{"a": "\\ud800"}', "x" * 70_000]
)
def test_what_is_no_frame_at_all_ends_the_connection(text: str | None) -> None:
    with pytest.raises(reading.BadFrame):
        reading.body_of(text)


def test_only_what_has_changed_is_told() -> None:
    frame = SessionUpdated(session=SessionChange(visitor_token="t", expires_at=1))
    told = json.loads(writing.text_of(frame))
    assert told["session"] == {"visitor_token": "t", "expires_at": 1}
    validator("ServerFrame").validate(told)


def test_an_error_has_all_that_clients_read() -> None:
    told = json.loads(writing.error(RateLimited("Wait.", retry_after=2.5), "e1"))
    validator("ServerFrame").validate(told)
    assert told == {
        "type": "error",
        "status": 429,
        "event_id": "e1",
        "error": {
            "type": "rate_limit_error",
            "code": "rate_limited",
            "message": "Wait.",
            "param": None,
            "retry_after": 2.5,
        },
    }


def test_every_server_frame_says_its_type() -> None:
    for frame in SERVER_FRAMES:
        assert issubclass(frame, BaseModel)
        assert get_args(frame.model_fields["type"].annotation)
        assert "type" in PUBLISHED["$defs"][frame.__name__]["required"]
