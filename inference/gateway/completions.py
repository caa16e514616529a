"""Completions on the wire: plain text in every chunk, log-probabilities in the legacy shape."""

import codecs
from collections.abc import Sequence
from typing import Any

from inference.engines.base import TokenLogprob
from inference.gateway.wire import LEAST_LOGPROB, Wire, logprob
from inference.runs import ChoiceAnswer, Run
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
        self._texts = [_Characters() for _ in range(choices)]

    def logprobs(self, index: int, tokens: Sequence[TokenLogprob]) -> Any:
        """Four lists, one entry a token; offsets go on from chunk to chunk."""
        return {
            "tokens": [token.token for token in tokens],
            "token_logprobs": [logprob(token) for token in tokens],
            "top_logprobs": [_likeliest(token) for token in tokens],
            "text_offset": [self._texts[index].before(token) for token in tokens],
        }

    def chosen(self, run: Run) -> list[ChoiceAnswer]:
        """Of each prompt's candidates (`best_of`) the likeliest, the best one first."""
        answers, candidates = run.choices(), run.order.choices_each
        wanted = self.choices // len(run.order.generations)
        if candidates == wanted:
            return answers
        best = []
        for first in range(0, len(answers), candidates):
            best += _ranked(answers[first : first + candidates])[:wanted]
        return best

    def choice(self, index: int, answer: ChoiceAnswer) -> dict[str, Any]:
        self._texts[index] = _Characters()
        return {
            "index": index,
            "text": answer.text,
            "logprobs": self.logprobs(index, answer.logprobs) if self.with_logprobs else None,
            "finish_reason": answer.finish_reason,
        }

    def text_of(self, choice: dict[str, Any]) -> str:
        return str(choice["text"])


class _Characters:
    """Counts the characters of a text that comes token by token; one may span several tokens."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._count = 0

    def before(self, token: TokenLogprob) -> int:
        """Where in the text `token` begins. Asked once a token, in their order."""
        begin = self._count
        self._count += len(self._decoder.decode(token.raw))
        return begin


def _likeliest(token: TokenLogprob) -> dict[str, float] | None:
    """Alternatives and the token itself; of two that read the same, the likelier one counts."""
    told: dict[str, float] = {}
    for one in (token, *token.top):
        value = logprob(one)
        if value is not None:
            told[one.token] = max(value, told.get(one.token, value))
    return None if token.logprob is None else told


def _ranked(candidates: list[ChoiceAnswer]) -> list[ChoiceAnswer]:
    """By the mean log-probability of their own tokens, not those of the prompt that they echo."""
    # Where a busy log joined the echo to what follows, another candidate knows its length.
    echoed = max(answer.echoed for answer in candidates)

    def likelihood(answer: ChoiceAnswer) -> float:
        values = [logprob(token) or 0.0 for token in answer.logprobs[echoed:]]
        return sum(values) / len(values) if values else LEAST_LOGPROB

    return sorted(candidates, key=likelihood, reverse=True)
