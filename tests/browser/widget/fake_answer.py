"""An answer of the server that does what a test tells it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Frame = dict[str, Any]


@dataclass
class Answer:
    """What a question gets, and the events that tell it: they outlive every socket."""

    id: str
    event_id: str
    question: str
    text: str
    sources: list[Frame] = field(default_factory=list)
    events: list[Frame] = field(default_factory=list)
    status: str = "in_progress"
    cancelled: bool = False

    @property
    def item_id(self) -> str:
        return self.id.replace("resp", "msg")

    @property
    def written(self) -> str:
        return "".join(event.get("delta", "") for event in self.events)

    def response(self, **more: object) -> Frame:
        content = {"type": "output_text", "text": self.written, "annotations": self.sources}
        message = {
            "id": self.item_id, "type": "message", "role": "assistant",
            "status": self.status, "content": [content],
        }  # fmt: skip
        usage = {"input_tokens": 9, "output_tokens": len(self.written.split()), "total_tokens": 9}
        return {"id": self.id, "status": self.status, "output": [message], "usage": usage, **more}

    def items(self) -> Iterator[Frame]:
        user = {"id": f"msg_u{self.id}", "role": "user", "content": self.question}
        yield {**user, "status": "completed", "event_id": self.event_id, "response_id": self.id}
        yield {
            "id": self.item_id, "role": "assistant", "content": self.written,
            "status": self.status, "response_id": self.id, "sources": self.sources,
        }  # fmt: skip
