"""From an engine's deltas to output items and typed events, each told once, numbered from 0."""

from collections.abc import Sequence
from typing import Any, Final

from inference.engines.base import Delta, TokenLogprob, ToolCallDelta
from inference.event_log import Event
from inference.responses.output import Annotate, Call, CustomCall, Members, Message, Open, to_json
from inference.schemas.responses.items import Item, item_id
from inference.schemas.responses.tools import INPUT

INPUT_PLACES: Final = 0x8000  # ids of a response's input items are numbered from here
LEAST_LOGPROB: Final = -9999.0  # JSON has no minus infinity
NUL: Final = "\0"  # a model may write it, but Postgres keeps no text that has it
REPLACED: Final = "\ufffd"
LAST: Final = {"completed": "completed", "failed": "failed"}  # any other ends as `incomplete`
UNANSWERED: Final[Item] = {
    "status": "in_progress",
    "completed_at": None,
    "error": None,
    "incomplete_details": None,
    "output": [],
    "usage": None,
}


def id_of(response_id: str, kind: str, place: int) -> str:
    """An item's id says which response it belongs to, so that it can be found by its id alone."""
    return item_id(kind, f"{response_id.removeprefix('resp_')[:28]}{place:04x}")


class Narrator:
    """`take` deltas until the end, then `finish` and `close`; `flush` what was told meanwhile."""

    def __init__(
        self,
        body: Item,
        custom_tools: frozenset[str] = frozenset(),
        annotate: Annotate | None = None,
    ) -> None:
        self.begun = False  # has the first event been told?
        self.answering = False  # and is there something of the answer?
        self.finish_reason: str | None = None
        self.items: list[Item] = []
        self._body = body
        self._custom_tools = custom_tools
        self._annotate = annotate
        self._open: Open | None = None
        self._call = -1  # the engine's number of the call that is open
        self._number = 0
        self._events: list[Event] = []

    def so_far(self) -> tuple[list[Item], int]:
        """The items, with the one that is still growing, and the number of the last event."""
        growing = [] if self._open is None else [self._open.item("incomplete", self._open.text)]
        return [*self.items, *growing], self._number - 1

    def flush(self) -> Sequence[Event]:
        events, self._events = self._events, []
        return events

    def begin(self) -> None:
        """Before there is an answer; `take` does it by itself."""
        self.begun = True
        self._tell_whole("created", self._body)
        if self._body["status"] == "queued":
            self._tell_whole("queued", self._body)

    def take(self, deltas: Sequence[Delta]) -> None:
        if deltas and not self.answering:
            self._answer()
        for delta in deltas:
            if delta.text or delta.logprobs:
                self._take_text(delta.text.replace(NUL, REPLACED), delta.logprobs)
            for piece in delta.tool_calls:
                self._take_call(piece)
            self.finish_reason = delta.finish_reason or self.finish_reason

    def finish(self, status: str) -> None:
        """End the item that is open. A complete answer has at least one."""
        if status == "completed" and not self.items and self._open is None:
            self._begin(Message(self._id("message"), self._annotate))
        self._end(status)

    def close(self, final: Item) -> None:
        """The last event; before it what went wrong, if something did."""
        if error := final["error"]:
            self._tell("error", to_json({**error, "param": None})[1:-1])
        self._tell_whole(LAST.get(final["status"], "incomplete"), final)

    def retell(self) -> Sequence[Event]:
        """The events of a response that is done, with the text of each item in one piece."""
        final, self._body = self._body, {**self._body, **UNANSWERED}
        self._answer()
        for item in final["output"]:
            self._retell_item(item)
        self.close(final)
        return self.flush()

    def _answer(self) -> None:
        self.answering = True
        if not self.begun:
            self.begin()
        self._tell_whole("in_progress", {**self._body, "status": "in_progress"})

    def _retell_item(self, item: Item) -> None:
        if item["type"] == "message":
            part = item["content"][0]
            self._begin(message := Message(item["id"], lambda _: part["annotations"]))
            self._tell_all(message.grow(part["text"], part["logprobs"]))
        else:
            custom = item["type"] == "custom_tool_call"
            call = (CustomCall if custom else Call)(item["id"], item["call_id"], item["name"])
            self._begin(call)
            arguments = to_json({INPUT: item["input"]}) if custom else item["arguments"]
            self._tell_all(call.grow(arguments))
        self._end(item["status"])

    def _take_text(self, text: str, tokens: Sequence[TokenLogprob]) -> None:
        if not isinstance(self._open, Message):
            if self._open and text.isspace():
                return  # what a model writes between two calls
            self._end("completed")
            self._begin(Message(self._id("message"), self._annotate))
        if isinstance(self._open, Message):
            self._tell_all(self._open.grow(text, [_logprob(token) for token in tokens]))

    def _take_call(self, piece: ToolCallDelta) -> None:
        if self._call != piece.index:
            self._end("completed")
            self._call, name = piece.index, piece.name or ""
            kind = CustomCall if name in self._custom_tools else Call
            self._begin(kind(self._id(kind.KIND), piece.id or "", name))
        if piece.arguments and isinstance(self._open, Call):
            self._tell_all(self._open.grow(piece.arguments.replace(NUL, REPLACED)))

    def _id(self, kind: str) -> str:
        return id_of(self._body["id"], kind, len(self.items))

    def _begin(self, item: Open) -> None:
        self._open = item
        self._tell_all(item.begin(len(self.items)))

    def _end(self, status: str) -> None:
        if self._open is not None:
            item, told = self._open.end("completed" if status == "completed" else "incomplete")
            self._tell_all(told)
            self.items.append(item)
            self._open = None

    def _tell_all(self, told: Sequence[tuple[str, Members]]) -> None:
        for kind, members in told:
            self._tell(kind, members)

    def _tell_whole(self, kind: str, response: Item) -> None:
        self._tell(f"response.{kind}", f'"response":{to_json(response)}')

    def _tell(self, kind: str, members: Members) -> None:
        number, self._number = self._number, self._number + 1
        data = f'{{"type":"{kind}","sequence_number":{number},{members}}}'
        self._events.append(Event(number, data))


def is_last(event: Event) -> bool:
    return kind_of(event) in {"response.completed", "response.incomplete", "response.failed"}


def kind_of(event: Event) -> str:
    """The `type` that every event's JSON begins with."""
    return event.data[9 : event.data.index('"', 9)]


def _logprob(token: TokenLogprob) -> dict[str, Any]:
    return {**_plain(token), "top_logprobs": [_plain(other) for other in token.top]}


def _plain(token: TokenLogprob) -> dict[str, Any]:
    logprob = max(token.logprob or 0.0, LEAST_LOGPROB)
    text = token.token.replace(NUL, REPLACED)
    return {"token": text, "bytes": list(token.raw), "logprob": logprob}
