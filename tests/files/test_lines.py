"""JSON Lines are checked for their purpose, and the line that is wrong is named."""

import json
from io import BytesIO
from typing import Any

import pytest

from api.errors import InvalidRequest
from files import lines


def example(**more: Any) -> dict[str, Any]:
    said = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]
    return {"messages": said, **more}


def call(custom_id: str, **more: Any) -> dict[str, Any]:
    return {
        "custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": {}, **more
    }  # fmt: skip


def jsonl(rows: list[Any]) -> BytesIO:
    return BytesIO("\n".join(json.dumps(row) for row in rows).encode())


def test_good_lines_are_counted_and_blank_ones_are_not() -> None:
    assert lines.count(jsonl([call("a"), call("b")]), "batch") == 2
    assert lines.count(BytesIO(jsonl([example()] * 10).getvalue() + b"\n\n  \n"), "fine-tune") == 10
    assert lines.count(BytesIO(b"no lines at all"), "user_data") is None


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ([], "not a JSON object"),
        (call(""), "custom_id"),
        (call("x" * 513), "custom_id"),
        (call("a"), "earlier line"),
        (call("c", method="GET"), "method"),
        (call("c", url="/v1/files"), "url"),
        (call("c", body="{}"), "body"),
    ],
)
def test_a_wrong_request_is_named_by_its_line(row: Any, words: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^Line 3: .*" + words) as caught:
        lines.count(jsonl([call("a"), call("b"), row]), "batch")
    assert (caught.value.param, caught.value.error_code) == ("file", "invalid_jsonl")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"prompt": "Hi"}, "messages"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "assistant"),
        ({"messages": [{"role": "bot", "content": "Hi"}]}, r"messages\[0\]\.role"),
        ({"messages": [{"role": "assistant", "content": 5}]}, r"messages\[0\]\.content"),
        ({"messages": [{"role": "assistant", "content": None}]}, r"messages\[0\]\.content"),
    ],
)
def test_a_wrong_example_is_named_by_its_line(row: Any, words: str) -> None:
    with pytest.raises(InvalidRequest, match=r"^Line 10: .*" + words):
        lines.count(jsonl([example()] * 9 + [row]), "fine-tune")


@pytest.mark.parametrize("raw", [b'{"a":1', b'{"a":NaN}', b'{"a":"\\ud800"}', b"[" * 99])
def test_broken_json_is_named_by_its_line(raw: bytes) -> None:
    good = json.dumps(call("a")).encode()
    with pytest.raises(InvalidRequest, match=r"^Line 2: "):
        lines.count(BytesIO(good + b"\n" + raw), "batch")


def test_too_few_examples_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="holds 9 lines; at least 10"):
        lines.count(jsonl([example()] * 9), "fine-tune")


def test_too_many_requests_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MOST_REQUESTS", 2)
    with pytest.raises(InvalidRequest, match=r"^Line 3: a file holds at most 2"):
        lines.count(jsonl([call("a"), call("b"), call("c")]), "batch")
