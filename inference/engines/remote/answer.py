"""From a server's events to deltas, with running totals, until its usage says what is owed."""

import logging
from typing import Final

from pydantic import ValidationError

from inference.engines.base import (
    Delta,
    FinishReason,
    GenerationFailed,
    GenerationRequest,
    TokenLogprob,
    ToolCallDelta,
)
from inference.engines.remote import chunks, refusals
from inference.engines.remote.chunks import Chunk
from inference.engines.remote.counting import Count

FINISH: Final[dict[str, FinishReason]] = {
    "length": "length", "tool_calls": "tool_calls", "function_call": "tool_calls",
}  # fmt: skip
BROKE_OFF: Final = {"abort", "error"}
BROKEN_OFF: Final = "The model's server broke this answer off."
MOST_BYTES: Final = 32 * 1024 * 1024  # of one answer, all its choices
logger = logging.getLogger(__name__)


class Answer:
    """While it streams, a piece counts as one token (as many as it has log-probabilities), unless
    the server tells its usage with each. What it tells at the end is what counts, as far as it can
    be true: never more than was asked for. `by_pieces` believes the pieces where it tells nothing.
    """

    def __init__(
        self,
        request: GenerationRequest,
        count: Count,
        max_tokens: int,
        *,
        by_pieces: bool = False,
    ) -> None:
        self._request = request
        self._count = count
        self._max_tokens = max_tokens
        self._by_pieces = by_pieces
        self._completion = [0] * request.sampling.n
        self._finish: list[FinishReason | None] = [None] * request.sampling.n
        self._calls: list[set[int]] = [set() for _ in range(request.sampling.n)]
        self._prompt_tokens = count.least
        self._cached = 0
        self._total: int | None = None
        self._told: set[int] = set()  # choices whose own total the server has told
        self._bytes = 0

    def take(self, data: bytes) -> list[Delta]:
        """One event's deltas. Raises GenerationFailed, or Fault where nothing has been said."""
        self._bytes += len(data)
        if self._bytes > MOST_BYTES:
            raise GenerationFailed("The answer of the model's server is too large.")
        try:
            chunk = Chunk.model_validate_json(data)
        except ValidationError as error:
            raise GenerationFailed("The model's server sent what is no answer.") from error
        if chunk.error is not None:
            begun = any(self._completion)
            raise (not begun and refusals.of_event(chunk.error)) or GenerationFailed(BROKEN_OFF)
        self._hear_usage(chunk)
        return [delta for choice in chunk.choices if (delta := self._delta(choice, chunk.usage))]

    def last(self) -> list[Delta]:
        """What ends every choice, with its final total. Raises GenerationFailed."""
        if None in self._finish:
            raise GenerationFailed("The model's server ended before its answer did.")
        self._settle_usage()
        return [
            self._counted(index, "", reason, (), ()) for index, reason in enumerate(self._finish)
        ]

    def _hear_usage(self, chunk: Chunk) -> None:
        if chunk.usage is not None:
            if not chunk.choices or len(self._finish) == 1:
                self._total = chunk.usage.completion_tokens
            if chunk.usage.prompt_tokens > self._count.most:
                self._doubt()
            self._prompt_tokens = min(max(1, chunk.usage.prompt_tokens), self._count.most)
            self._cached = min(chunk.usage.cached, self._prompt_tokens)

    def _delta(self, choice: chunks.Choice, usage: chunks.Usage | None) -> Delta | None:
        index = choice.index
        if index >= len(self._finish):
            raise GenerationFailed("The model's server answers with more choices than were asked.")
        text = choice.text or choice.delta.content or ""
        logprobs = _logprobs(choice.logprobs) if self._request.sampling.logprobs else ()
        pieces = self._pieces(choice)
        thought = choice.delta.reasoning or choice.delta.reasoning_content
        if text or pieces or thought or logprobs:
            self._completion[index] += max(1, len(logprobs))
        if usage is not None:
            self._completion[index] = usage.completion_tokens
            self._told.add(index)
        self._completion[index] = min(self._completion[index], self._max_tokens)
        if choice.finish_reason:
            self._finish[index] = self._reason(choice.finish_reason, index)
        if text or pieces or logprobs:
            return self._counted(index, text, None, logprobs, pieces)
        return None

    def _counted(
        self,
        index: int,
        text: str,
        reason: FinishReason | None,
        logprobs: tuple[TokenLogprob, ...],
        pieces: tuple[ToolCallDelta, ...],
    ) -> Delta:
        cached = self._cached if index == 0 else 0
        told, owed = self._completion[index], self._prompt_tokens
        return Delta(index, text, told, reason, logprobs, cached, pieces, owed)

    def _pieces(self, choice: chunks.Choice) -> tuple[ToolCallDelta, ...]:
        return tuple(self._piece(choice.index, call) for call in choice.delta.tool_calls or ())

    def _piece(self, index: int, call: chunks.Call) -> ToolCallDelta:
        """Only a call's first piece may have id and name, and it must."""
        place = call.place
        if place in self._calls[index]:
            return ToolCallDelta(place, call.arguments)
        if call.function is None or not call.function.name:
            raise GenerationFailed("The model's server calls a tool without its name.")
        self._calls[index].add(place)
        id_ = call.id or f"call_{self._request.id}_{index}_{place}"
        return ToolCallDelta(place, call.arguments, id_, call.function.name)

    def _reason(self, told: str, index: int) -> FinishReason:
        if told in BROKE_OFF:
            raise GenerationFailed(BROKEN_OFF)
        return "tool_calls" if self._calls[index] else FINISH.get(told, "stop")

    def _settle_usage(self) -> None:
        total = self._total
        told_of_all = len(self._told) == len(self._completion)
        if total is None and (told_of_all or self._by_pieces):
            return
        if total is None or (not total and any(self._completion)):
            raise GenerationFailed(
                "The model's server does not tell what its answer used. Choose another model."
            )
        if total > (most := self._max_tokens * len(self._completion)):
            self._doubt()
        self._spread(min(total, most))

    def _doubt(self) -> None:
        """It tells of more than was asked for: nobody pays for that."""
        logger.warning("remote_usage_too_large", extra={"generation": self._request.id})

    def _spread(self, total: int) -> None:
        """Servers tell one figure for all choices: what is not known of each goes to the first."""
        missing = total - sum(self._completion)
        for index, counted in enumerate(self._completion):
            change = max(missing, -counted)
            self._completion[index] += change
            missing -= change


def _logprobs(said: chunks.Logprobs | None) -> tuple[TokenLogprob, ...]:
    if said is None:
        return ()
    if said.content is not None:
        return tuple(
            _token(one, tuple(_token(other) for other in one.top_logprobs)) for one in said.content
        )
    tops = said.top_logprobs or [None] * len(said.tokens)
    return tuple(
        TokenLogprob(token, value, token.encode(), _ranked(top or {}))
        for token, value, top in zip(said.tokens, said.token_logprobs, tops, strict=False)
    )


def _token(said: chunks.Alternative, top: tuple[TokenLogprob, ...] = ()) -> TokenLogprob:
    raw = said.token.encode() if said.bytes is None else bytes(said.bytes)
    return TokenLogprob(said.token, said.logprob, raw, top)


def _ranked(top: dict[str, float]) -> tuple[TokenLogprob, ...]:
    ranked = sorted(top.items(), key=lambda pair: -pair[1])
    return tuple(TokenLogprob(token, value, token.encode()) for token, value in ranked)
