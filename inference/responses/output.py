"""Output items while they grow: a message's text, a call's arguments; each step with its events."""

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

from inference.schemas.responses.items import Item
from inference.schemas.responses.tools import INPUT

Members = str
"""The members of an event behind `type` and `sequence_number`, as JSON without braces."""
Told = Sequence[tuple[str, Members]]
Annotate = Callable[[str], Sequence[Item]]
"""What is said about a whole text: where its statements come from."""
to_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Open:
    """An item that is not done yet."""

    KIND: ClassVar[str]

    def __init__(self, item_id: str) -> None:
        self.id = item_id
        self._pieces: list[str] = []
        self._place = ""  # which item this is, as members of every event

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def begin(self, index: int) -> Told:
        self._index = f'"output_index":{index}'
        self._place = f'"item_id":"{self.id}",{self._index}'
        return [self._whole("added", self.item("in_progress", ""))]

    def end(self, status: str) -> tuple[Item, Told]:
        item = self.item(status, self.text)
        return item, [*self.last_words(), self._whole("done", item)]

    def item(self, status: str, text: str) -> Item:
        raise NotImplementedError

    def last_words(self) -> Told:
        raise NotImplementedError

    def _whole(self, what: str, item: Item) -> tuple[str, Members]:
        return f"response.output_item.{what}", f'{self._index},"item":{to_json(item)}'


class Message(Open):
    KIND = "message"

    def __init__(self, item_id: str, annotate: Annotate | None = None) -> None:
        super().__init__(item_id)
        self.logprobs: list[dict[str, Any]] = []
        self.annotations: Sequence[Item] = ()
        self._annotate = annotate

    def begin(self, index: int) -> Told:
        added = super().begin(index)
        self._place += ',"content_index":0'
        return [*added, self._part("added", _part("", [], ()))]

    def end(self, status: str) -> tuple[Item, Told]:
        if self._annotate:
            self.annotations = self._annotate(self.text)
        return super().end(status)

    def grow(self, text: str, logprobs: list[dict[str, Any]]) -> Told:
        self._pieces.append(text)
        self.logprobs += logprobs
        told = to_json(logprobs) if logprobs else "[]"
        members = f'{self._place},"delta":{to_json(text)},"logprobs":{told}'
        return [("response.output_text.delta", members)]

    def item(self, status: str, text: str) -> Item:
        content = [] if status == "in_progress" else [self._whole_part(text)]
        return {
            "id": self.id,
            "type": "message",
            "status": status,
            "role": "assistant",
            "content": content,
        }

    def last_words(self) -> Told:
        said = f'{self._place},"text":{to_json(self.text)},"logprobs":{to_json(self.logprobs)}'
        part = self._part("done", self._whole_part(self.text))
        return [*self._notes(), ("response.output_text.done", said), part]

    def _notes(self) -> Told:
        return [
            (
                "response.output_text.annotation.added",
                f'{self._place},"annotation_index":{place},"annotation":{to_json(annotation)}',
            )
            for place, annotation in enumerate(self.annotations)
        ]

    def _whole_part(self, text: str) -> Item:
        return _part(text, self.logprobs, self.annotations)

    def _part(self, what: str, part: Item) -> tuple[str, Members]:
        return f"response.content_part.{what}", f'{self._place},"part":{to_json(part)}'


class Call(Open):
    KIND = "function_call"

    def __init__(self, item_id: str, call_id: str, name: str) -> None:
        super().__init__(item_id)
        self.call_id, self.name = call_id, name

    def grow(self, text: str) -> Told:
        self._pieces.append(text)
        members = f'{self._place},"delta":{to_json(text)}'
        return [("response.function_call_arguments.delta", members)]

    def item(self, status: str, text: str) -> Item:
        return {
            "id": self.id,
            "type": "function_call",
            "status": status,
            "call_id": self.call_id,
            "name": self.name,
            "arguments": text,
        }

    def last_words(self) -> Told:
        members = f'{self._place},"name":{to_json(self.name)},"arguments":{to_json(self.text)}'
        return [("response.function_call_arguments.done", members)]


class CustomCall(Call):
    """The model writes `{"input": "…"}`; the client gets the text in it, in one piece."""

    KIND = "custom_tool_call"

    def grow(self, text: str) -> Told:
        self._pieces.append(text)
        return []

    def item(self, status: str, text: str) -> Item:
        return {
            "id": self.id,
            "type": "custom_tool_call",
            "status": status,
            "call_id": self.call_id,
            "name": self.name,
            "input": _input(text),
        }

    def last_words(self) -> Told:
        text = to_json(_input(self.text))
        return [
            ("response.custom_tool_call_input.delta", f'{self._place},"delta":{text}'),
            ("response.custom_tool_call_input.done", f'{self._place},"input":{text}'),
        ]


def _part(text: str, logprobs: list[dict[str, Any]], annotations: Sequence[Item]) -> Item:
    return {
        "type": "output_text",
        "text": text,
        "annotations": list(annotations),
        "logprobs": logprobs,
    }


def _input(arguments: str) -> str:
    """The text in the arguments; what is no JSON (a call that was cut, a stored text) as it is."""
    try:
        read = json.loads(arguments)
    except ValueError:
        return arguments
    return str(read.get(INPUT, arguments)) if isinstance(read, dict) else arguments
