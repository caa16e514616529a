"""The scripted engine: refuse or count, then say the answer in batches, or break down."""

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from itertools import count

from inference.engines import texts as limits
from inference.engines.base import (
    Classified,
    ContextTooLong,
    Delta,
    Embedded,
    EngineInfo,
    EngineOverloaded,
    EngineUnavailable,
    FinishReason,
    GenerationFailed,
    GenerationRequest,
    InvalidGeneration,
    Prepared,
    Text,
    Tokenised,
    TokenLogprob,
    ToolCallDelta,
)
from inference.engines.scripted import reading
from inference.engines.scripted import script as scripts
from inference.engines.scripted.answers import Token, answer
from inference.engines.scripted.script import Script

BATCH = 256


class ScriptedEngine:
    def __init__(self, model: str = "scripted", context_window: int = 8192) -> None:
        self.model = model
        self.context_window = context_window

    async def prepare(self, request: GenerationRequest) -> Prepared:
        script = scripts.read(request)
        if script.reject:
            raise InvalidGeneration("The script refuses this request.", script.reject)
        if request.tools or request.response_format:
            answer(request, script, 0)  # or it would only fail after the hold
        prompt_tokens = scripts.count(request)
        room = self.context_window - prompt_tokens
        if room < 1:
            raise ContextTooLong(
                f"This model's context window is {self.context_window} tokens, "
                f"but the prompt has {prompt_tokens}. Shorten the prompt."
            )
        return Prepared(request, prompt_tokens, room)

    async def generate(self, prepared: Prepared, max_tokens: int) -> AsyncIterator[Sequence[Delta]]:
        request = prepared.request
        script = scripts.read(request)
        await asyncio.sleep(0)
        if script.overload:
            raise EngineOverloaded("The script's queue is full.", retry_after=2)
        tokens, finish_reason = answer(request, script, max_tokens)
        if request.echo:
            yield _echo(request, finish_reason if not tokens else None)
        delivered = 0
        for batch in _batches(tokens, finish_reason, request, script):
            await asyncio.sleep(script.pace)
            _break_down(script, delivered)
            yield batch
            delivered += len(batch) // request.sampling.n
        _break_down(script, delivered)

    async def tokenise(self, texts: Sequence[Text]) -> Tokenised:
        words = [reading.tokens(text) for text in texts]
        limits.check([len(each) for each in words], self.context_window)
        return Tokenised(words, reading.WIDTH)

    async def embed(self, texts: Sequence[Text], *, tenant: str = "") -> Embedded:
        del tenant
        read = await self._read(texts)
        return Embedded([reading.vector(each) for each in read.texts], read.tokens)

    async def classify(self, texts: Sequence[Text], *, tenant: str = "") -> Classified:
        del tenant
        read = await self._read(texts)
        scores = [reading.scores(each) for each in read.texts]
        return Classified(reading.LABELS, scores, read.tokens)

    async def _read(self, texts: Sequence[Text]) -> Tokenised:
        read = await self.tokenise(texts)
        await asyncio.sleep(0)
        reading.break_down(read.texts)
        return read

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


def _batches(
    tokens: Sequence[Token], finish_reason: FinishReason, request: GenerationRequest, script: Script
) -> list[list[Delta]]:
    """One batch a token where a pace or a breakdown is asked for, else as few as possible."""
    sampling = request.sampling
    one_by_one = script.pace or script.breaks_down
    size = 1 if one_by_one else max(1, BATCH // sampling.n)
    last, logprobs = len(tokens), sampling.top_logprobs if sampling.logprobs else None
    deltas = [
        Delta(
            index,
            token if isinstance(token, str) else "",
            number,
            finish_reason if number == last else None,
            () if logprobs is None or not isinstance(token, str) else _logprobs(token, logprobs),
            script.cached,
            () if isinstance(token, str) else (_identified(token, f"{request.id}/{index}"),),
        )
        for number, token in zip(count(1), tokens, strict=False)
        for index in range(sampling.n)
    ]
    step = size * sampling.n
    return [deltas[start : start + step] for start in range(0, len(deltas), step)]


def _identified(piece: ToolCallDelta, choice: str) -> ToolCallDelta:
    if piece.id is None:
        return piece
    digest = hashlib.sha256(f"{choice}/{piece.index}".encode()).hexdigest()
    return replace(piece, id=f"call_{digest[:24]}")


def _echo(request: GenerationRequest, finish_reason: FinishReason | None) -> list[Delta]:
    """The prompt as it came, with a log-probability for each of its words but the first."""
    sampling = request.sampling
    prompt = scripts.last_said(request)
    said: tuple[TokenLogprob, ...] = ()
    if sampling.logprobs:
        words = re.findall(r"\s*\S+|\s+", prompt)
        said = tuple(one for word in words for one in _logprobs(word, sampling.top_logprobs))
        said = (*(replace(one, logprob=None, top=()) for one in said[:1]), *said[1:])
    return [Delta(index, prompt, 0, finish_reason, said) for index in range(sampling.n)]


def _logprobs(token: str, alternatives: int) -> tuple[TokenLogprob, ...]:
    """The word with probability 1/2, its first alternative (itself) too, each further one half."""
    top = tuple(
        TokenLogprob(text, -0.6931 * (rank + 1), text.encode())
        for rank, text in enumerate((token, *(f" other{i}" for i in range(1, alternatives))))
    )
    return (TokenLogprob(token, -0.6931, token.encode(), top[:alternatives]),)


def _break_down(script: Script, delivered: int) -> None:
    if script.fail is not None and delivered >= script.fail:
        raise GenerationFailed("The script broke down.")
    if script.vanish is not None and delivered >= script.vanish:
        raise EngineUnavailable("The script's engine went away.")
