"""What a connection remembers is bounded, by number and by size; what is used stays longest."""

import pytest

from inference.gateway.websocket import memory
from inference.gateway.websocket.memory import Memory
from inference.schemas.responses.items import Item


def items(size: int = 1) -> list[Item]:
    return [{"type": "message", "text": "x" * size}]


def test_what_is_kept_is_remembered() -> None:
    kept = Memory()
    kept.keep("resp_1", items(3))
    assert kept.items_of("resp_1") == items(3)
    assert kept.items_of("resp_2") is None
    assert kept.items_of(None) is None


def test_what_was_used_longest_ago_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_RESPONSES", 2)
    kept = Memory()
    kept.keep("resp_1", items())
    kept.keep("resp_2", items())
    kept.items_of("resp_1")
    kept.keep("resp_3", items())
    assert [kept.items_of(f"resp_{number}") is not None for number in (1, 2, 3)] == [
        True, False, True,
    ]  # fmt: skip


def test_large_responses_count_by_their_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MOST_SIZE", 1000)
    kept = Memory()
    for number in range(10):
        kept.keep(f"resp_{number}", items(400))
    found = [number for number in range(10) if kept.items_of(f"resp_{number}")]
    assert found == [8, 9]
    kept.keep("resp_10", items(5000))
    assert kept.items_of("resp_10") is None
