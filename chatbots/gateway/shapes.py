"""A turn in the shapes of chat completions: whole, or chunk by chunk from its events."""

import json
from collections.abc import Sequence
from typing import Any, Final

from chatbots import citing
from chatbots.conversing import Turn
from chatbots.conversing.answers import annotations_of, text_of
from inference.event_log import Event
from inference.gateway.wire import to_json
from inference.responses.narration import is_last, kind_of

REASONS: Final = {"incomplete": "length"}  # any other ends with `stop`
DELTA: Final = "response.output_text.delta"


class Shape:
    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._silent = True

    def whole(self, response: dict[str, Any]) -> dict[str, Any]:
        output = response["output"]
        message = {"role": "assistant", "content": text_of(output), "refusal": None}
        reason = REASONS.get(response["status"], "stop")
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        return {
            **self._head("chat.completion", response),
            "choices": [choice],
            "usage": _usage(response),
            "sources": citing.sources(annotations_of(output)),
        }

    def chunks(self, events: Sequence[Event]) -> str:
        """What these events add; an answer that has failed ends with its error."""
        told = []
        for event in events:
            if kind_of(event) == "response.created":
                self._created = json.loads(event.data)["response"]
            elif kind_of(event) == DELTA:
                told.append(self._delta(json.loads(event.data)["delta"]))
            elif is_last(event):
                told.append(self._end(json.loads(event.data)["response"]))
        return "".join(told)

    def _delta(self, text: str) -> str:
        delta = {"role": "assistant", "content": text} if self._silent else {"content": text}
        self._silent = False
        return self._chunk(self._created, delta, None)

    def _end(self, response: dict[str, Any]) -> str:
        if error := response["error"]:
            failure = {**error, "type": "server_error", "param": None}
            return f"data: {to_json({'error': failure})}\n\n"
        reason = REASONS.get(response["status"], "stop")
        sources = citing.sources(annotations_of(response["output"]))
        more = {"usage": _usage(response), "sources": sources}
        return self._chunk(response, {}, reason, **more) + "data: [DONE]\n\n"

    def _chunk(
        self, response: dict[str, Any], delta: dict[str, Any], reason: str | None, **more: Any
    ) -> str:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        head = self._head("chat.completion.chunk", response)
        return f"data: {to_json({**head, 'choices': [choice], **more})}\n\n"

    def _head(self, kind: str, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": response["id"].replace("resp_", "chatcmpl-", 1),
            "object": kind,
            "created": response["created_at"],
            "model": response["model"],
            "conversation": self._turn.conversation_id,
            "message_id": self._turn.message_id,
        }


def _usage(response: dict[str, Any]) -> dict[str, Any] | None:
    used = response["usage"]
    return used and {
        "prompt_tokens": used["input_tokens"],
        "completion_tokens": used["output_tokens"],
        "total_tokens": used["total_tokens"],
        "cost": used["cost"],
    }
