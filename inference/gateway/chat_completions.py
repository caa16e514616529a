"""Chat completions on the wire: a chunk with the role, then content and calls, then the finish."""

from collections.abc import Sequence
from typing import Any

from inference.engines.base import Delta, TokenLogprob, ToolCall, ToolCallDelta
from inference.gateway.wire import Wire, logprob, to_json
from inference.runs import ChoiceAnswer
from inference.schemas.chat_completions import ChatCompletionRequest


class ChatWire(Wire):
    CAPABILITY = "chat"
    ID_PREFIX = "chatcmpl"
    OBJECT = "chat.completion"
    CHUNK_OBJECT = "chat.completion.chunk"
    BEFORE = '"delta":{"content":'
    AFTER = "}"
    NO_TEXT = '"delta":{}'

    def __init__(self, suffix: str, model: str, choices: int, asked: ChatCompletionRequest) -> None:
        super().__init__(suffix, model, choices, asked)
        self._silent = set(range(choices))  # choices whose role has not been said
        self._texts = [""] * choices  # so far, of a stream whose texts are annotated
        self._older = asked.functions is not None
        self._reason_of_calls = _reason_of_calls(asked)

    def events(self, deltas: Sequence[Delta]) -> str:
        if self.annotate:
            for delta in deltas:
                self._texts[delta.index] += delta.text
        if self._silent:
            return self._roles(deltas) + super().events(deltas)
        return super().events(deltas)

    def call(self, index: int, piece: ToolCallDelta) -> str:
        function = {"arguments": piece.arguments}
        if piece.name is not None:
            function = {"name": piece.name, **function}
        if self._older:
            return self._delta(index, {"function_call": function})
        first = {} if piece.id is None else {"id": piece.id, "type": "function"}
        call = {"index": piece.index, **first, "function": function}
        return self._delta(index, {"tool_calls": [call]})

    def logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> Any:
        del index
        content = [
            {**_token(token), "top_logprobs": [_token(other) for other in token.top]}
            for token in tokens
        ]
        return {"content": content, "refusal": None}

    def choice(self, index: int, answer: ChoiceAnswer) -> dict[str, Any]:
        return {
            "index": index,
            "message": {
                "role": "assistant",
                "content": answer.text or (None if answer.tool_calls else ""),
                "refusal": None,
                **self._annotations(answer.text),
                **self._calls(answer.tool_calls),
            },
            "logprobs": self.logprobs(index, answer.logprobs) if self.with_logprobs else None,
            "finish_reason": self._reason(answer.finish_reason),
        }

    def text_of(self, choice: dict[str, Any]) -> str:
        return str(choice["message"]["content"])

    def again(self, choice: dict[str, Any]) -> str:
        index, message = choice["index"], choice["message"]
        content, cited = message["content"], message.get("annotations")
        calls = message.get("tool_calls", [])
        if older := message.get("function_call"):
            calls = [{"id": "", "function": older}]
        return "".join(
            (
                self._role(index, None if content is None else ""),
                self._chunk(index, content, to_json(choice["logprobs"])) if content else "",
                *(self.call(index, _piece(place, call)) for place, call in enumerate(calls)),
                self._delta(index, {"annotations": cited}) if cited else "",
                self._finish(index, choice["finish_reason"]),
            )
        )

    def _roles(self, deltas: Sequence[Delta]) -> str:
        """Of the choices that speak for the first time. What begins with a call has no content."""
        chunks = []
        for delta in deltas:
            if delta.index in self._silent and _says_something(delta):
                self._silent.remove(delta.index)
                begins_with_call = delta.tool_calls and not delta.text
                chunks.append(self._role(delta.index, None if begins_with_call else ""))
        return "".join(chunks)

    def _role(self, index: int, content: str | None) -> str:
        return self._delta(index, {"role": "assistant", "content": content, "refusal": None})

    def _delta(self, index: int, delta: dict[str, Any]) -> str:
        return (
            f'{self._head}{{"index":{index},"delta":{to_json(delta)},'
            f'"logprobs":null,"finish_reason":null}}{self._tail}'
        )

    def _finish(self, index: int, reason: str) -> str:
        cited = self._annotations(self._texts[index])
        finish = super()._finish(index, self._reason(reason) or reason)
        return self._delta(index, cited) + finish if cited else finish

    def _annotations(self, text: str) -> dict[str, Any]:
        """In this API's shape: an annotation's fields stand below the name of its type."""
        told = self.annotate(text) if self.annotate and text else ()
        found = [
            {"type": one["type"], one["type"]: {key: one[key] for key in one if key != "type"}}
            for one in told
        ]
        return {"annotations": found} if found else {}

    def _reason(self, reason: str | None) -> str | None:
        return self._reason_of_calls if reason == "tool_calls" else reason

    def _calls(self, calls: Sequence[ToolCall]) -> dict[str, Any]:
        if not calls:
            return {}
        made = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in calls
        ]
        return {"function_call": made[0]["function"]} if self._older else {"tool_calls": made}


def _reason_of_calls(asked: ChatCompletionRequest) -> str:
    """As OpenAI does: who demanded a certain call is told `stop`, whole or streamed."""
    if asked.must_call_one:
        return "stop"
    return "tool_calls" if asked.functions is None else "function_call"


def _says_something(delta: Delta) -> bool:
    return bool(delta.text or delta.tool_calls or delta.finish_reason or delta.logprobs)


def _piece(place: int, call: dict[str, Any]) -> ToolCallDelta:
    function = call["function"]
    return ToolCallDelta(place, function["arguments"], call["id"], function["name"])


def _token(token: TokenLogprob) -> dict[str, Any]:
    return {"token": token.token, "logprob": logprob(token), "bytes": list(token.raw)}
