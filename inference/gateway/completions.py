"""Completions on the wire: plain text in every chunk, log-probabilities in the legacy shape."""

from collections.abc import Sequence
from typing import Any

from inference.engines.base import TokenLogprob
from inference.gateway.wire import Wire, logprob
from inference.runs import ChoiceAnswer
from inference.schemas.fields import GeneratingParams


class CompletionWire(Wire):
    CAPABILITY = "completions"
    ID_PREFIX = "cmpl"
    OBJECT = "text_completion"
    CHUNK_OBJECT = "text_completion"
    BEFORE = '"text":'
    AFTER = ""
    NO_TEXT = '"text":""'

    def __init__(self, suffix: str, model: str, choices: int, asked: GeneratingParams) -> None:
        super().__init__(suffix, model, choices, asked)
        self._offsets = [0] * choices

    def opening(self) -> str:
        return ""

    def logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> Any:
        """Four lists, one entry a token; offsets go on from chunk to chunk."""
        offsets = []
        for token in tokens:
            offsets.append(self._offsets[index])
            self._offsets[index] += len(token.token)
        return {
            "tokens": [token.token for token in tokens],
            "token_logprobs": [logprob(token) for token in tokens],
            "top_logprobs": [
                {other.token: logprob(other) for other in (token, *token.top)} for token in tokens
            ],
            "text_offset": offsets,
        }

    def choice(self, index: int, answer: ChoiceAnswer) -> dict[str, Any]:
        self._offsets[index] = 0
        return {
            "index": index,
            "text": answer.text,
            "logprobs": self.logprobs(index, answer.logprobs) if self.with_logprobs else None,
            "finish_reason": answer.finish_reason,
        }

    def text_of(self, choice: dict[str, Any]) -> str:
        return str(choice["text"])
