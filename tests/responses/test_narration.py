"""What no scripted engine says: text between calls and after them, NUL, an answer without words."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from inference.engines.base import Delta, TokenLogprob, ToolCallDelta
from inference.responses.narration import Narrator, is_last
from inference.schemas.responses.items import Item

BODY: Item = {"id": "resp_" + "ab" * 16, "status": "in_progress", "output": [], "error": None}


def call(index: int, arguments: str, name: str | None = None) -> Delta:
    call_id = f"call_{index}" if name else None
    return Delta(0, "", 1, tool_calls=(ToolCallDelta(index, arguments, call_id, name),))


def narrated(
    deltas: Sequence[Delta], custom: frozenset[str] = frozenset(), status: str = "completed"
) -> tuple[list[Item], list[dict[str, Any]]]:
    narrator = Narrator(BODY, custom)
    for delta in deltas:
        narrator.take([delta])
    narrator.finish(status)
    narrator.close({**BODY, "status": status, "output": narrator.items})
    events = narrator.flush()
    assert [is_last(event) for event in events] == [False] * (len(events) - 1) + [True]
    return narrator.items, [json.loads(event.data) for event in events]


def test_white_space_between_calls_is_nobodys_message() -> None:
    items, _ = narrated([call(0, "{}", "f"), Delta(0, "\n", 2), call(1, "{}", "g")])
    assert [item["name"] for item in items] == ["f", "g"]


def test_text_before_and_after_a_call_are_two_messages() -> None:
    items, events = narrated(
        [Delta(0, "a", 1), call(0, '{"x"', "f"), call(0, ":1}"), Delta(0, "b", 3)]
    )
    assert [item["type"] for item in items] == ["message", "function_call", "message"]
    assert items[1]["arguments"] == '{"x":1}'
    assert len({item["id"] for item in items}) == 3
    added = [event["output_index"] for event in events if event["type"].endswith("item.added")]
    assert added == [0, 1, 2]


def test_a_nul_becomes_what_postgres_can_keep() -> None:
    token = TokenLogprob("\0", -1.0, b"\0")
    items, events = narrated([Delta(0, "a\0b", 1, logprobs=(token,)), call(0, "\0", "f")])
    assert items[0]["content"][0]["text"] == "a\ufffdb"
    assert items[0]["content"][0]["logprobs"][0]["bytes"] == [0]
    assert "\\u0000" not in json.dumps([items, events])


@pytest.mark.parametrize(("status", "items"), [("completed", 1), ("cancelled", 0), ("failed", 0)])
def test_only_a_complete_answer_needs_an_item(status: str, items: int) -> None:
    narrator = Narrator(BODY)
    narrator.take([Delta(0, "", 1, "stop")])
    narrator.finish(status)
    assert len(narrator.items) == items


def test_a_custom_call_that_was_cut_gives_what_there_is() -> None:
    cut, _ = narrated([call(0, '{"input": "ls', "sh")], frozenset({"sh"}), "incomplete")
    assert (cut[0]["input"], cut[0]["status"]) == ('{"input": "ls', "incomplete")
    whole, events = narrated([call(0, '{"input": "ls"}', "sh")], frozenset({"sh"}))
    assert whole[0]["input"] == "ls"
    again = Narrator({**BODY, "status": "completed", "output": whole}).retell()
    told = [json.loads(event.data) for event in again]
    assert [event["type"] for event in told] == [event["type"] for event in events]
    assert told[3]["delta"] == "ls"
