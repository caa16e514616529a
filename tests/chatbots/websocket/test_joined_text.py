"""Text that is ready together leaves in one frame; everything else as it is."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as some

from chatbots.protocol import writing
from inference.event_log import Event
from inference.responses.output import to_json
from tests.chatbots.websocket.frames import validator

PLACE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}


def event(number: int, kind: str, **members: Any) -> Event:
    body = {"type": f"response.{kind}", "sequence_number": number, **members}
    return Event(number, to_json(body))


def delta(number: int, text: str) -> Event:
    return event(number, "output_text.delta", **PLACE, delta=text, logprobs=[])


def told(*events: Event) -> list[dict[str, Any]]:
    frames = [json.loads(text) for text in writing.texts_of(events)]
    for frame in frames:
        validator("ServerFrame").validate(frame)
    return frames


@given(some.lists(some.text(max_size=5), min_size=1, max_size=20))
def test_joined_text_is_all_the_text_under_the_last_number(texts: list[str]) -> None:
    frames = told(*(delta(number, text) for number, text in enumerate(texts, start=4)))
    assert len(frames) == 1
    assert frames[0]["delta"] == "".join(texts)
    assert frames[0]["sequence_number"] == 3 + len(texts)


def test_other_events_stay_between_the_text_before_and_after() -> None:
    annotation = event(
        6, "output_text.annotation.added", **PLACE, annotation={}, annotation_index=0
    )
    frames = told(delta(4, "a"), delta(5, "b"), annotation, delta(7, "c"))
    assert [frame["sequence_number"] for frame in frames] == [5, 6, 7]
    assert [frame.get("delta") for frame in frames] == ["ab", None, "c"]


def test_a_failure_is_told_once() -> None:
    error = Event(3, '{"type":"error","sequence_number":3,"code":"x","message":"y","param":null}')
    frames = told(error, event(4, "failed", response={"error": {"code": "x", "message": "y"}}))
    assert [frame["type"] for frame in frames] == ["response.failed"]
