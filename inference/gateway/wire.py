"""Answers as bytes: what chat completions and completions have in common on the wire.

A chunk is put together from text that is the same in all chunks of a stream, made once, so that a
token costs one JSON string and one concatenation.
"""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Final

from api import sse
from billing.pricing import usd
from inference.engines.base import Delta, TokenLogprob, ToolCallDelta
from inference.responses.output import Annotate
from inference.runs import ChoiceAnswer, Run
from inference.schemas.fields import GeneratingParams

to_json: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
LEAST_LOGPROB: Final = -9999.0  # JSON has no minus infinity


class Wire(ABC):
    """One answer: `id`, `created` and `model` stay the same from its first byte to its last."""

    CAPABILITY: ClassVar[str]  # what the model's catalog row must list
    ID_PREFIX: ClassVar[str]
    OBJECT: ClassVar[str]
    CHUNK_OBJECT: ClassVar[str]
    # A choice of a chunk is {"index":0,<BEFORE>"text"<AFTER>,"logprobs":null,"finish_reason":null}.
    BEFORE: ClassVar[str]
    AFTER: ClassVar[str]
    NO_TEXT: ClassVar[str]

    annotate: Annotate | None = None  # where a chatbot has a text from

    def __init__(self, suffix: str, model: str, choices: int, asked: GeneratingParams) -> None:
        self.choices = choices
        self.with_logprobs = asked.wants_logprobs
        self.with_usage = asked.wants_usage_chunk
        self._name(f"{self.ID_PREFIX}-{suffix}", int(time.time()), model)

    @abstractmethod
    def logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> Any: ...

    @abstractmethod
    def choice(self, index: int, answer: ChoiceAnswer) -> dict[str, Any]:
        """One choice of a whole answer."""

    @abstractmethod
    def text_of(self, choice: dict[str, Any]) -> str:
        """The text in what `choice` made."""

    def chosen(self, run: Run) -> list[ChoiceAnswer]:
        """What of the Run is the answer."""
        return run.choices()

    def call(self, index: int, piece: ToolCallDelta) -> str:
        """The chunk of a piece of a tool call; only chats have them."""
        raise NotImplementedError

    def events(self, deltas: Sequence[Delta]) -> str:
        """The chunks of these deltas: text, and where a choice ends one chunk that says why."""
        chunks = []
        for delta in deltas:
            index = delta.index
            if delta.logprobs:
                logprobs = to_json(self.logprobs(index, delta.logprobs))
                chunks.append(self._chunk(index, delta.text, logprobs))
            elif delta.text:
                chunks.append(self._before[index] + to_json(delta.text) + self._after)
            if delta.tool_calls:
                chunks.extend([self.call(index, piece) for piece in delta.tool_calls])
            if delta.finish_reason:
                chunks.append(self._finish(index, delta.finish_reason))
        return "".join(chunks)

    def closing(self, usage: dict[str, Any]) -> str:
        chunk = f'{self._head}],"usage":{to_json(usage)}}}\n\n' if self.with_usage else ""
        return chunk + sse.DONE.decode()

    def whole(self, run: Run) -> bytes:
        """The answer in one piece."""
        return to_json(
            {
                "id": self.id,
                "object": self.OBJECT,
                "created": self.created,
                "model": self.model,
                "choices": [self.choice(*numbered) for numbered in enumerate(self.chosen(run))],
                "usage": usage(run),
            }
        ).encode()

    def replay(self, stored: bytes) -> str:
        """What `whole` once made, as a stream: the same answer, with its own id and time."""
        answer = json.loads(stored)
        self._name(answer["id"], answer["created"], answer["model"])
        chunks = [self.again(choice) for choice in answer["choices"]]
        return "".join(chunks) + self.closing(answer["usage"])

    def again(self, choice: dict[str, Any]) -> str:
        """The chunks of what `choice` made."""
        index, logprobs = choice["index"], to_json(choice["logprobs"])
        chunk = self._chunk(index, self.text_of(choice), logprobs)
        return chunk + self._finish(index, choice["finish_reason"])

    def _name(self, answer_id: str, created: int, model: str) -> None:
        self.id, self.created, self.model = answer_id, created, model
        self._head = (
            f'data: {{"id":{to_json(answer_id)},"object":"{self.CHUNK_OBJECT}","created":{created},'
            f'"model":{to_json(model)},"choices":['
        )
        self._tail = "]{}}}\n\n".format(',"usage":null' if self.with_usage else "")
        self._before = [f'{self._head}{{"index":{i},{self.BEFORE}' for i in range(self.choices)]
        self._after = f'{self.AFTER},"logprobs":null,"finish_reason":null}}{self._tail}'

    def _chunk(self, index: int, text: str, logprobs: str) -> str:
        return (
            f'{self._before[index]}{to_json(text)}{self.AFTER},"logprobs":{logprobs},'
            f'"finish_reason":null}}{self._tail}'
        )

    def _finish(self, index: int, reason: str) -> str:
        return (
            f'{self._head}{{"index":{index},{self.NO_TEXT},"logprobs":null,'
            f'"finish_reason":{to_json(reason)}}}{self._tail}'
        )


def usage(run: Run) -> dict[str, Any]:
    """OpenAI's usage object, and what the call cost in USD."""
    used = run.usage
    return {
        "prompt_tokens": used.prompt_tokens,
        "completion_tokens": used.completion_tokens,
        "total_tokens": used.prompt_tokens + used.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": used.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
        "cost": usd(run.cost),
    }


def logprob(token: TokenLogprob) -> float | None:
    return None if token.logprob is None else max(token.logprob, LEAST_LOGPROB)
