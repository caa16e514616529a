"""Events are one data line and one blank line, in UTF-8."""

import json

import pytest

from api import sse
from api.errors import ServerOverloaded


def test_an_event_is_one_line_whatever_the_text() -> None:
    value = {"text": "line\nbreak \u2028 \r and 😀"}
    raw = sse.event(value)
    assert raw.startswith(b"data: {")
    assert raw.endswith(b"}\n\n")
    assert b"\n" not in raw[:-2]
    assert "😀".encode() in raw
    assert json.loads(raw[6:]) == value


def test_a_number_that_json_lacks_is_never_sent() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        sse.event({"logprob": float("nan")})


def test_an_error_in_a_stream_has_the_envelope_of_an_answer() -> None:
    error = json.loads(sse.error_event(ServerOverloaded("Come back later."))[6:])["error"]
    assert error == {
        "message": "Come back later.", "type": "server_error", "param": None,
        "code": "server_overloaded",
    }  # fmt: skip
