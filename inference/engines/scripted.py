"""A deterministic engine for tests, demos and benchmarks: a token a word, steered by the prompt.

It answers with the words of the last user message (or of the text prompt). Words that begin with
`#` steer it and are left out of the echo; they count as prompt tokens like any word:

    #words=64        answer with 64 numbered words (`w1 w2 … w64`)
    #fill            answer as long as max_tokens allows (finish reason `length`, so charge = hold)
    #unicode         answer with words of several bytes a character
    #pace=20         wait 20 ms before each token; without it the answer comes in batches of 256
    #fail=3          break down (GenerationFailed) after 3 tokens a choice; 0 = before the first
    #vanish=3        the engine goes away (EngineUnavailable) after 3 tokens a choice
    #overload        the queue is full (EngineOverloaded) before the first token
    #reject=FIELD    `prepare` refuses the request and names FIELD
    #cached=5        report 5 prompt tokens as served from the prefix cache

Every choice gets the same answer. Sampling is ignored, except for `stop`, `n` and `logprobs`.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from itertools import count, cycle, islice

from inference.engines.base import (
    ContextTooLong,
    Delta,
    EngineInfo,
    EngineOverloaded,
    EngineUnavailable,
    FinishReason,
    GenerationFailed,
    GenerationRequest,
    InvalidGeneration,
    Prepared,
    TokenLogprob,
)

BATCH = 256
UNICODE = ("naïve", "日本語", "🙂", "Ελλάδα", "👩‍👩‍👧", "e\u0301té")


class ScriptedEngine:
    def __init__(self, model: str = "scripted", context_window: int = 8192) -> None:
        self.model = model
        self.context_window = context_window

    async def prepare(self, request: GenerationRequest) -> Prepared:
        script = _script(request)
        if script.reject:
            raise InvalidGeneration("The script refuses this request.", script.reject)
        prompt_tokens = _count(request)
        room = self.context_window - prompt_tokens
        if room < 1:
            raise ContextTooLong(
                f"This model's context window is {self.context_window} tokens, "
                f"but the prompt has {prompt_tokens}. Shorten the prompt."
            )
        return Prepared(request, prompt_tokens, room)

    async def generate(self, prepared: Prepared, max_tokens: int) -> AsyncIterator[Sequence[Delta]]:
        request = prepared.request
        script = _script(request)
        await asyncio.sleep(0)
        if script.overload:
            raise EngineOverloaded("The script's queue is full.", retry_after=2)
        tokens, finish_reason = _answer(request, script, max_tokens)
        delivered = 0
        for batch in _batches(tokens, finish_reason, request, script):
            await asyncio.sleep(script.pace)
            _break_down(script, delivered)
            yield batch
            delivered += len(batch) // request.sampling.n
        _break_down(script, delivered)

    async def info(self) -> EngineInfo:
        return EngineInfo(
            model=self.model,
            context_window=self.context_window,
            vocabulary_size=2**31,
            parameters=0,
            dtype="none",
            device="none",
        )

    async def close(self) -> None:
        """There is nothing to close."""


@dataclass(frozen=True, slots=True)
class _Script:
    """What the prompt asks the engine to do."""

    words: tuple[str, ...]
    fill: bool = False
    pace: float = 0.0
    fail: int | None = None
    vanish: int | None = None
    overload: bool = False
    reject: str | None = None
    cached: int = 0

    @property
    def breaks_down(self) -> bool:
        return self.fail is not None or self.vanish is not None


def _script(request: GenerationRequest) -> _Script:
    said = _last_said(request).split()
    asked = dict(word[1:].partition("=")[::2] for word in said if word.startswith("#"))
    return _Script(
        words=_words([word for word in said if not word.startswith("#")], asked),
        fill="fill" in asked,
        pace=(_number(asked, "pace") or 0) / 1000,
        fail=_number(asked, "fail"),
        vanish=_number(asked, "vanish"),
        overload="overload" in asked,
        reject=asked.get("reject"),
        cached=_number(asked, "cached") or 0,
    )


def _words(said: list[str], asked: dict[str, str]) -> tuple[str, ...]:
    if "unicode" in asked:
        return UNICODE
    if number := _number(asked, "words"):
        return tuple(f"w{i}" for i in range(1, number + 1))
    return tuple(said) or ("Hello",)


def _number(asked: dict[str, str], name: str) -> int | None:
    value = asked.get(name, "")
    return int(value) if re.fullmatch("[0-9]{1,6}", value) else None


def _last_said(request: GenerationRequest) -> str:
    if isinstance(request.prompt, str):
        return request.prompt
    if request.prompt is not None:
        return " ".join(f"t{token}" for token in request.prompt)
    said = (message.content for message in reversed(request.messages) if message.role == "user")
    return next(said, "")


def _count(request: GenerationRequest) -> int:
    if isinstance(request.prompt, str):
        return max(1, len(request.prompt.split()))
    if request.prompt is not None:
        return max(1, len(request.prompt))
    return max(1, sum(len(message.content.split()) for message in request.messages))


def _answer(
    request: GenerationRequest, script: _Script, max_tokens: int
) -> tuple[list[str], FinishReason]:
    """One choice's tokens (the first bare, the others behind a space), cut at a stop string."""
    words = islice(cycle(script.words), max_tokens) if script.fill else script.words[:max_tokens]
    tokens = [word if i == 0 else f" {word}" for i, word in enumerate(words)]
    cut = script.fill or len(script.words) > max_tokens
    finish_reason: FinishReason = "length" if cut else "stop"
    text = "".join(tokens)
    found = [at for stop in request.sampling.stop if (at := text.find(stop)) >= 0]
    if not found:
        return tokens, finish_reason
    return _shortened(tokens, min(found)), "stop"


def _shortened(tokens: list[str], length: int) -> list[str]:
    """The first `length` characters; the token that the stop string begins in still counts."""
    kept: list[str] = []
    for token in tokens:
        kept.append(token[:length])
        length -= len(token)
        if length < 0:
            break
    return kept


def _batches(
    tokens: list[str], finish_reason: FinishReason, request: GenerationRequest, script: _Script
) -> list[list[Delta]]:
    """One batch a token where a pace or a breakdown is asked for, else as few as possible."""
    sampling = request.sampling
    one_by_one = script.pace or script.breaks_down
    size = 1 if one_by_one else max(1, BATCH // sampling.n)
    deltas = [
        Delta(
            index,
            token,
            number,
            finish_reason if number == len(tokens) else None,
            _logprobs(token, sampling.top_logprobs) if sampling.logprobs else (),
            script.cached,
        )
        for number, token in zip(count(1), tokens, strict=False)
        for index in range(sampling.n)
    ]
    step = size * sampling.n
    return [deltas[start : start + step] for start in range(0, len(deltas), step)]


def _logprobs(token: str, alternatives: int) -> tuple[TokenLogprob, ...]:
    """The word with probability 1/2, its first alternative (itself) too, each further one half."""
    top = tuple(
        TokenLogprob(text, -0.6931 * (rank + 1), text.encode())
        for rank, text in enumerate((token, *(f" other{i}" for i in range(1, alternatives))))
    )
    return (TokenLogprob(token, -0.6931, token.encode(), top[:alternatives]),)


def _break_down(script: _Script, delivered: int) -> None:
    if script.fail is not None and delivered >= script.fail:
        raise GenerationFailed("The script broke down.")
    if script.vanish is not None and delivered >= script.vanish:
        raise EngineUnavailable("The script's engine went away.")
