"""One step of the engine: admit, plan, compute, sample, commit; and whom a failure takes with it.

A request that fails harms no other: when a packed step raises, its rows run again one by one, and
only those that raise alone end with an error.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

import torch

from inference.engines.base import EngineError, FinishReason, GenerationFailed
from inference.engines.local import masks, prompt_logprobs
from inference.engines.local.batch import Batch, sampled
from inference.engines.local.chosen import Sampled
from inference.engines.local.late import Late, attempted, compute
from inference.engines.local.pace import Pace
from inference.engines.local.prefixes import PrefixCache
from inference.engines.local.room import Room
from inference.engines.local.runner import Runner
from inference.engines.local.sampler import Sampler
from inference.engines.local.scheduler import FairQueue
from inference.engines.local.sequences import (
    Chunk,
    Failure,
    PromptEvent,
    Sequence,
    StepEvents,
    Submission,
    TokenEvent,
    TokenLogprobs,
    begun,
)
from inference.engines.local.uploads import upload

log = logging.getLogger(__name__)

BRIEF = 128  # tokens of prompts that have a step to themselves


@dataclass(frozen=True, slots=True)
class StepOptions:
    """`tokens` bounds a packed step: how long a step may keep everybody waiting; `shared` the
    prompts' part of it while others wait. `prefix_bytes` bounds what is kept of prompts for those
    that begin alike."""

    vocabulary: int
    eos: frozenset[int]
    tokens: int = 512
    prefix_bytes: int = 0
    shared: int = 160


class Steps:
    """Used by the loop's thread alone."""

    def __init__(self, runner: Runner, options: StepOptions) -> None:
        self._runner = runner
        self._options = options
        self._sampler = runner.sampler or Sampler(options.vocabulary)
        self._batch = Batch(runner.cache)
        self._prefixes = PrefixCache(runner.cache, options.prefix_bytes)
        self._room = Room(self._batch, runner.cache, self._prefixes)
        self._pace = Pace(options.tokens)
        self._late: Late | None = None
        self._ahead = False  # whether prompts went before the decoding rows in the last step
        self._admissions = count()
        self._events = StepEvents()
        self.prompt_tokens = 0  # computed since the start

    def speed_up(self) -> None:
        """See `Runner.speed_up`: may be called beside steps."""
        self._runner.speed_up()

    @property
    def running(self) -> int:
        return len(self._room.rows)

    @property
    def given_way(self) -> int:
        """How often a row left for want of room, to come back (`room`)."""
        return self._room.given_way

    @property
    def kept_tokens(self) -> int:
        """Whose keys and values the running sequences have; those that they share count for each,
        but never more than there is room. Any thread may ask."""
        kept = sum(row.length for row in list(self._batch.rows))
        return min(kept, self._runner.cache.tokens)

    def admit(self, waiting: FairQueue) -> list[Submission]:
        """Fill the free slots; returns who left the queue."""
        admitted: list[Submission] = []
        room = self._room
        room.return_those_who_left()
        while not room.is_wanted and (free := self._batch.free):
            submission = waiting.take(free, room.fits)
            if submission is None:
                break
            row = begun(submission, next(self._admissions))
            room.enter(row)
            submission.cached = row.length
            admitted.append(submission)
        return admitted

    def drop_cancelled(self) -> None:
        for row in self._room.rows:
            if row.cancelled or row.submission.cancelled:
                if not row.generated:  # so nobody knows yet whether its numbers are any
                    self._wipe(row)
                self._room.leave(row)

    def refuse(self, submissions: Iterable[Submission], error: EngineError) -> None:
        """End submissions that never ran; told with the next step's events."""
        self._events.failures += [Failure(submission, error) for submission in submissions]

    def step(self) -> tuple[StepEvents, int]:
        """What happened, and how many tokens were computed."""
        self._expire()
        computed = self._go_on(self._late) if self._late else self._begin()
        events, self._events = self._events, StepEvents()
        return events, computed

    def _begin(self) -> int:
        """A step whose tokens nothing is known of yet."""
        self._room.make()
        decoding, chunks = self._chosen()
        if decoding and not chunks and self._launch(decoding):
            return len(decoding)
        prompts = sum(chunk.stop - chunk.start for chunk in chunks)
        self.prompt_tokens += prompts
        computed = len(decoding) + prompts
        began = time.monotonic()
        if computed:
            self._compute(decoding, chunks)
        if chunks:
            self._pace.note(computed, time.monotonic() - began)
        return computed

    def _go_on(self, late: Late) -> int:
        """The device computes the next tokens while the host hands out those before."""
        decoding = self._batch.decoding
        self._late = None
        goes_on = late.covers(decoding, self._runner.cache.context) and not self._batch.in_prompt
        if goes_on and self._room.extends(decoding):
            self._launch(decoding, late)
        else:
            self._hand_out(late.rows, late.chosen.read())
        return len(decoding) if self._late else 0

    def _launch(self, decoding: list[Sequence], before: Late | None = None) -> bool:
        """Give the device the next step, and hand out what is known of the one before it."""
        computing = attempted(lambda: compute(self._runner, decoding, before))
        unread = before
        if before and computing and computing.held:  # to forms, which go on from these tokens
            self._hand_out(before.rows, before.chosen.read())
            unread = None
        if computing:
            self._late = attempted(lambda: computing.choose(unread))
        if unread:
            self._hand_out(unread.rows, unread.chosen.read())
        return self._late is not None

    def _chosen(self) -> tuple[list[Sequence], list[Chunk]]:
        """Prompts that a brief step completes go before the decoding rows' next token, at every
        other step: first tokens come a third sooner, and the others' hardly later."""
        decoding, in_prompt = self._batch.decoding, self._batch.in_prompt
        others = bool(decoding) or len(in_prompt) > 1
        budget = self._pace.tokens(somebody_waits=others)
        brief = min(BRIEF, budget // 2)
        wanted = sum(row.remaining_prompt for row in in_prompt)
        self._ahead = bool(decoding) and not self._ahead and 0 < wanted <= brief
        if self._ahead:
            return [], self._batch.chunks(brief)
        beside = min(budget - len(decoding), self._options.shared) if others else budget
        return decoding, self._batch.chunks(beside)

    def _expire(self) -> None:
        now = time.monotonic()
        for row in self._room.rows:
            deadline = row.submission.deadline
            if deadline is not None and deadline < now:
                self._fail(row, "The request's deadline passed before it was complete.")

    def _compute(self, decoding: list[Sequence], chunks: list[Chunk]) -> None:
        try:
            self._advance(decoding, chunks)
        except Exception:  # noqa: BLE001 - the border of a step: whatever broke, the others go on
            for row in decoding:
                self._advance_alone(row, [row], [])
            for chunk in chunks:
                self._advance_alone(chunk.sequence, [], [chunk])
            if self._runner.device.type == "cuda":
                torch.cuda.synchronize()  # a broken device raises here, and ends the engine

    def _advance_alone(self, row: Sequence, decoding: list[Sequence], chunks: list[Chunk]) -> None:
        if row.slot < 0:
            return
        try:
            self._advance(decoding, chunks)
        except Exception:
            log.exception("a sequence failed by itself")
            self._fail(row, "The engine failed while computing this request.")

    def _advance(self, decoding: list[Sequence], chunks: list[Chunk]) -> None:
        """Nothing is changed but cache rows that a second try writes again, until all is known."""
        rows, where = sampled(decoding, chunks)
        mask = masks.begin(rows)
        logits = self._runner.forward(decoding, chunks)
        scores = prompt_logprobs.score(logits, chunks)
        if len(set(where)) < len(rows):
            logits = logits.index_select(0, upload(where, logits.device))
        told = self._sampler.sample(logits[: len(rows)], rows, mask)
        self._commit(decoding, chunks)
        self._tell_prompts(chunks, scores)
        self._hand_out(rows, told)

    def _hand_out(self, rows: list[Sequence], told: Sampled) -> None:
        """Who has left meanwhile gets nothing of it."""
        masks.advance(rows, told.tokens)
        for index, (row, token) in enumerate(zip(rows, told.tokens, strict=True)):
            if row.slot < 0:
                continue
            if token is None:
                self._fail(row, "The model computed something that is not a number.")
            elif row.matcher and row.matcher.failed:
                self._fail(row, row.matcher.fault)
            else:
                if not row.generated and not row.index:
                    self._prefixes.keep(row.submission, row.slot)
                self._give(row, TokenEvent(row, token, None, told.logprobs.get(index)))
        for row in rows:
            if row.finish_reason and row.slot >= 0:
                self._batch.remove(row)

    def _commit(self, decoding: list[Sequence], chunks: list[Chunk]) -> None:
        """The cache now holds what was computed."""
        for row in decoding:
            row.length += 1
        for chunk in chunks:
            chunk.sequence.length = chunk.stop
        for chunk in chunks:  # only now: it moves rows, as far as their length says
            if chunk.completes_prompt:
                self._batch.start_decoding(chunk.sequence)

    def _tell_prompts(self, chunks: list[Chunk], scores: list[list[TokenLogprobs]]) -> None:
        """Those that are to be echoed, once they are complete."""
        for chunk, found in zip(chunks, scores, strict=True):
            row, submission = chunk.sequence, chunk.sequence.submission
            row.prompt_logprobs += found
            if submission.echo and chunk.completes_prompt and row.slot >= 0 and not row.generated:
                ended = not submission.max_tokens
                self._events.prompts.append(PromptEvent(submission, row.prompt_logprobs, ended))

    def _give(self, row: Sequence, token: TokenEvent) -> None:
        if not row.submission.max_tokens:
            row.finish_reason = "length"
            return
        row.generated += 1
        row.last_token = token.token
        row.said.append(token.token)
        row.finish_reason = self._finish_reason(row)
        if row.sampler.adjusted:
            row.sampler.note(token.token)
        if row.finish_reason:
            token = token._replace(finish_reason=row.finish_reason)
        self._events.tokens.append(token)

    def _finish_reason(self, row: Sequence) -> FinishReason | None:
        submission = row.submission
        if row.matcher and row.matcher.ended:
            return "stop"
        if row.last_token in self._options.eos and not submission.sampling.ignore_eos:
            return "stop"
        return "length" if row.generated >= submission.max_tokens else None

    def _fail(self, row: Sequence, message: str) -> None:
        """End the row's submission, all choices, and leave nothing behind that could spread."""
        submission = row.submission
        mine = [other for other in self._room.rows if other.submission is submission]
        for other in mine:
            self._wipe(other)
            self._room.leave(other)
        if mine:
            self._events.failures.append(Failure(submission, GenerationFailed(message)))

    def _wipe(self, row: Sequence) -> None:
        """What it computed, and what a step that raised may have written after that."""
        if row.slot >= 0:
            self._runner.cache.clear(row.slot, row.length + self._options.tokens)
