"""A Run: claim → count → hold → generate → settle, in a task that no client can cut short."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial

from django.conf import settings

from accounts import idempotency, metering
from accounts.idempotency import StoredAnswer
from api import database, rate_limits
from api.errors import ApiError, RateLimited, ServerOverloaded
from billing import ledger, pricing
from inference.engines import registry
from inference.engines.base import Delta, Engine, Prepared
from inference.runs import answers, checkpoints, merging, metrics
from inference.runs.failures import DATABASE_AWAY, api_error
from inference.runs.insisting import until_it_went_through
from inference.runs.order import Order
from inference.runs.reading import EventLog, Reader
from inference.runs.tally import Tally

RUN_SECONDS: float = settings.RUN_SECONDS
FIRST_TOKEN_SECONDS: float = settings.FIRST_TOKEN_SECONDS

Keep = Callable[["Run"], StoredAnswer]
"""Makes what a retry with the same Idempotency-Key will get, once the Run is over."""
Record = Callable[["Run"], Awaitable[None]]
"""Stores the answer, once the Run is settled or has failed and before its readers see the end. It
is called again while the database is away, so a second call must do no harm."""


class Run:
    """Readers see tokens as they come; when the last one leaves, a plain Run ends at the next step,
    one that is stored, or has an Idempotency-Key, goes on, so that its answer can be had again.

    Once `events()` are over, `failure` is what went wrong, and `replayed` the stored answer of an
    earlier call with the same Idempotency-Key; with neither, `usage` and `cost` are final.
    """

    def __init__(self, order: Order, keep: Keep, record: Record | None = None) -> None:
        self.order = order
        self._keep = keep
        self._record = record
        self.hold: ledger.Hold | None = None
        self.failure: ApiError | None = None
        self.replayed: StoredAnswer | None = None
        self.usage = ledger.Usage(0, 0, 0)
        self.cost = 0  # nano-dollars
        self._log = EventLog()
        self._tally = Tally(order.choices_each, len(order.generations))
        self._readers: set[Reader] = set()
        self._reservation: rate_limits.Reservation | None = None
        self._began = time.monotonic()
        self._first_token_ms: int | None = None
        self._unwanted = False
        self._begun = asyncio.Event()
        self._patience: asyncio.Timeout | None = None
        self.task = asyncio.create_task(self._live())

    def events(self, after: int = 0) -> Reader:
        """A new reader, from event number `after` on."""
        reader = Reader(self._log, after, self._leave)
        self._readers.add(reader)
        return reader

    def choices(self) -> list[answers.ChoiceAnswer]:
        """The whole answer so far."""
        return answers.assemble(self._log.events, self.order.choices)

    async def begun(self) -> None:
        """Wait until the money is held; if it never is, `failure` or `replayed` says why."""
        await self._begun.wait()

    def stop(self) -> None:
        """End at the next step, whoever reads: what was generated is the answer."""
        self._stop_generating()

    def cut(self, failure: ApiError) -> None:
        """End at the next step, whoever reads; they are told `failure`."""
        self.failure = self.failure or failure
        self._stop_generating()

    def checkpoint(self) -> ledger.Checkpoint:
        usage = self._tally.usage()
        return ledger.Checkpoint(
            self.order.id,
            usage.prompt_tokens,
            usage.cached_tokens,
            0 if self.order.in_batch else usage.completion_tokens,  # nobody has seen them yet
        )

    def _leave(self, reader: Reader) -> None:
        self._readers.discard(reader)
        if not self._readers and not self.order.outlives_readers:
            self._stop_generating()

    def _stop_generating(self) -> None:
        self._unwanted = True
        self._wait_until(asyncio.get_running_loop().time())

    async def _live(self) -> None:
        try:
            await self._answer()
            await self._recorded()
        except Exception as error:  # noqa: BLE001 - a Run is a border: what is unknown is logged
            self.failure = api_error(error)
        finally:
            self._begun.set()
            self._log.end()

    async def _answer(self) -> None:
        try:
            self.replayed = await self._claim()
            if self.replayed is None:
                await self._produce()
        except Exception as error:  # noqa: BLE001 - as above; a failure is an answer, too
            self.failure = api_error(error)

    async def _claim(self) -> StoredAnswer | None:
        key = self.order.idempotency
        if key is None:
            return None
        organisation_id = self.order.caller.organisation_id
        return await idempotency.claim(organisation_id, key.key, key.fingerprint, self.order.id)

    async def _produce(self) -> None:
        prepared: list[Prepared] = []
        try:
            engine = registry.engine_for(self.order.entry)
            prepared += [await engine.prepare(request) for request in self.order.requests]
            self.hold = await self._reserve(prepared)
            self._begun.set()
        except Exception:
            _drop(prepared)
            with suppress(*DATABASE_AWAY):  # then the sweeper does it
                await self._forget_claim()
            raise
        checkpoints.of_this_loop().follow(self)
        try:
            await self._generate(engine, prepared, self.hold.max_output)
            await self._close(self.hold)
        finally:
            checkpoints.of_this_loop().forget(self)

    async def _reserve(self, prepared: Sequence[Prepared]) -> ledger.Hold:
        """Take the worst case, from the minute's tokens and from the balance, or neither."""
        order, caller = self.order, self.order.caller
        prompt = self._tally.prompt_tokens = sum(one.prompt_tokens for one in prepared)
        output = min(order.most_output, max(one.max_output for one in prepared))
        if not order.in_batch:
            self._reservation = await self._take_tokens(prompt + output * order.choices)
        request = ledger.HoldRequest(
            id=order.id,
            organisation_id=caller.organisation_id,
            key_id=caller.key_id,
            meter_id=caller.meter_id,
            model=order.entry.id,
            prompt_tokens=prompt,
            max_output=output,
            choices=order.choices,
            tier=order.tier,
            budget_nano=caller.budget_nano,
            budget_period=caller.budget_period,
            proof=caller.proof,
            chatbot_id=order.chatbot.id or None,
            chatbot_day_nano=order.chatbot.day_nano,
            chatbot_month_nano=order.chatbot.month_nano,
            minimum_output=output if order.in_batch else settings.LEAST_OUTPUT_TOKENS,
        )
        try:
            return await ledger.hold(request)
        except Exception:
            if self._reservation:
                self._reservation.cancel()
            raise

    async def _take_tokens(self, most: int) -> rate_limits.Reservation:
        caller = self.order.caller
        try:
            return await metering.atake_tokens(caller, most)
        except RateLimited:
            if self.order.request:
                self.order.request.cancel()
            raise

    async def _generate(
        self, engine: Engine, prepared: Sequence[Prepared], max_output: int
    ) -> None:
        if self._unwanted:
            _drop(prepared)
            return
        self._patience = patience = asyncio.timeout(FIRST_TOKEN_SECONDS)
        try:
            async with patience:
                async for batch in merging.stream(engine, prepared, max_output):
                    self._take(batch)
            self._tally.require_completion()
        except Exception as error:  # noqa: BLE001 - an engine step is a border
            self._interrupted(error, ours=isinstance(error, TimeoutError) and patience.expired())
        finally:
            self._patience = None

    def _interrupted(self, error: Exception, *, ours: bool) -> None:
        if not ours:
            self.failure = api_error(error)
        elif not self._unwanted:
            self._time_is_up()

    def _take(self, batch: Sequence[Delta]) -> None:
        if self._first_token_ms is None:
            self._first_token_ms = self._milliseconds()
            if not self._unwanted:
                left = RUN_SECONDS - self._first_token_ms / 1000
                self._wait_until(asyncio.get_running_loop().time() + left)
        self._tally.count(batch)
        self._log.extend(batch)

    def _wait_until(self, moment: float) -> None:
        if self._patience is not None and not self._patience.expired():
            self._patience.reschedule(moment)

    def _time_is_up(self) -> None:
        """A late answer is cut like one that met its token limit; none at all is a refusal."""
        if self._tally.started:
            self._take(self._tally.cut_short())
        else:
            self.failure = ServerOverloaded(
                "The model did not begin to answer in time. Try again later.", retry_after=5
            )

    async def _close(self, hold: ledger.Hold) -> None:
        """Settle what was delivered or void the hold, for as long as the database takes."""
        delivered = self.order.streamed or self.failure is None
        if billable := delivered and (self._tally.started or self._tally.completed):
            self.usage = usage = self._tally.usage()
            self.cost = pricing.charge(
                hold.price, usage.prompt_tokens, usage.cached_tokens, usage.completion_tokens
            )
            asyncio.get_running_loop().call_soon(self._log.finish)  # once the charge is on its way
        metrics.count(self.usage, self._first_token_ms)
        if self._reservation:
            self._reservation.settle(self.usage.prompt_tokens + self.usage.completion_tokens)
        # While the database is away, readers have all there is; they need not wait for the books.
        await until_it_went_through(self._settle if billable else self._void, self._log.end)

    async def _recorded(self) -> None:
        if self._record is not None and self.replayed is None:
            await until_it_went_through(partial(self._record, self), self._log.end)

    async def _settle(self) -> None:
        finish = self.order.finisher
        if finish is None:
            await self._charge(None)
            return
        async with database.connection() as connection, connection.transaction():
            await finish(self.order.id, self._keep(self), connection)
            await self._charge(connection)

    async def _charge(self, connection: database.Connection | None) -> None:
        await ledger.settle(
            self.order.id,
            self.usage,
            self._finish_reason(),
            self._first_token_ms,
            self._milliseconds(),
            connection=connection,
        )

    async def _void(self) -> None:
        await ledger.void(self.order.id, self._finish_reason())
        await self._forget_claim()

    async def _forget_claim(self) -> None:
        """Nothing was charged, so a retry with the same Idempotency-Key is a first try."""
        if self.order.idempotency:
            await idempotency.release(self.order.id)

    def _finish_reason(self) -> str:
        if self.failure:
            return "error"
        return self._tally.finish_reason if self._tally.completed else "cancelled"

    def _milliseconds(self) -> int:
        return round((time.monotonic() - self._began) * 1000)


def _drop(prepared: Sequence[Prepared]) -> None:
    for one in prepared:
        one.drop()
