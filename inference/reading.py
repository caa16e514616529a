"""A Reading: claim → count → hold → embed or classify → settle, in a task that no client can cut.

What a Run is to texts that are answered, this is to texts that are only read: their tokens are
known before, so the hold is exact, and what is read is charged whole or not at all.
"""

import asyncio
import math
import time
from array import array
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, Literal, cast
from uuid import uuid4

from django.conf import settings

from accounts import idempotency, metering
from accounts.authentication import Caller
from accounts.idempotency import StoredAnswer
from api import database, rate_limits
from api.errors import ApiError, InvalidRequest, RateLimited, ServerOverloaded, Unavailable
from billing import ledger, pricing
from inference.catalog import CatalogEntry
from inference.engines import registry
from inference.engines.base import Classified, Embedded, Engine, Text, Tokenised
from inference.runs import BATCH, IdempotencyKey, checkpoints
from inference.runs.failures import DATABASE_AWAY, api_error
from inference.runs.insisting import until_it_went_through

SECONDS: Final[float] = settings.RUN_SECONDS
LAST_WORDS: Final = 5.0  # seconds for Readings that were cut to settle


Finish = Callable[["Reading", database.Connection], Awaitable[None]]
"""Writes the result down in the transaction that charges for it; what it raises makes it free."""


@dataclass(frozen=True, slots=True)
class Order:
    """`id` names the hold too. An organisation (its id) pays without the limits of a key; nor does
    the tier `batch` count in a key's minute."""

    payer: Caller | str
    entry: CatalogEntry
    texts: Sequence[Text]
    verb: Literal["embed", "classify"] = "embed"
    dimensions: int | None = None
    tier: str = "standard"
    id: str = field(default_factory=lambda: f"gen_{uuid4().hex}")
    request: rate_limits.Reservation | None = None  # given back when the token limit refuses
    idempotency: IdempotencyKey | None = None
    finish: Finish | None = None

    @property
    def finisher(self) -> Finish | None:
        return _keep if self.idempotency else self.finish

    @property
    def organisation_id(self) -> str:
        return self.payer if isinstance(self.payer, str) else self.payer.organisation_id


Write = Callable[["Reading"], StoredAnswer]
"""Makes the answer of a call, in a thread: a retry with the same Idempotency-Key gets it, too."""


class Reading:
    """Once `finished()` returns, `failure` is what went wrong, or `result`, `cost` and (with a
    `write`) `answer` are final; a replayed `answer` comes without a result."""

    def __init__(self, order: Order, write: Write | None = None) -> None:
        self.order = order
        self._write = write
        self.result: Embedded | Classified | None = None
        self.answer: StoredAnswer | None = None
        self.replayed = False
        self.failure: ApiError | None = None
        self.tokens = 0
        self.cost = 0  # nano-dollars
        self._work: asyncio.Future[Embedded | Classified] | None = None
        self._unwanted = False
        self._reservation: rate_limits.Reservation | None = None
        self._began = time.monotonic()
        self._told = asyncio.Event()
        self.task = asyncio.create_task(self._live())

    async def finished(self) -> None:
        await self._told.wait()

    def abandon(self) -> None:
        """Nobody waits any more; an answer that a retry can ask for is made all the same."""
        if self.order.idempotency is None:
            self.cut(Unavailable("The client has left."))

    def cut(self, failure: ApiError) -> None:
        """End now, free of charge, unless it is read already."""
        if self.result is not None or self._told.is_set():
            return
        self._unwanted = True
        self.failure = self.failure or failure
        if self._work is not None:
            self._work.cancel()

    def checkpoint(self) -> ledger.Checkpoint:
        return ledger.Checkpoint(self.order.id, self.tokens, 0, 0)

    async def _live(self) -> None:
        try:
            self.answer = await self._claim()
            self.replayed = self.answer is not None
            if not self.replayed:
                await self._pay_and_read()
        except Exception as error:  # noqa: BLE001 - a border: what is unknown is logged
            self.failure = api_error(error)
        finally:
            self._told.set()

    async def _claim(self) -> StoredAnswer | None:
        if (key := self.order.idempotency) is None:
            return None
        organisation = self.order.organisation_id
        return await idempotency.claim(organisation, key.key, key.fingerprint, self.order.id)

    async def _pay_and_read(self) -> None:
        try:
            engine = registry.engine_for(self.order.entry)
            texts = await engine.tokenise(self.order.texts)
            self._check(texts)
            hold = await self._reserve()
        except Exception:
            with suppress(*DATABASE_AWAY):  # then the sweeper does it
                await self._forget_claim()
            raise
        checkpoints.of_this_loop().follow(self)
        try:
            await self._read(engine, texts)
            await self._close(hold)
        finally:
            checkpoints.of_this_loop().forget(self)

    def _check(self, texts: Tokenised) -> None:
        self.tokens = texts.tokens
        if (wanted := self.order.dimensions) and wanted > texts.width:
            raise InvalidRequest(
                f"This model's vectors have {texts.width} dimensions: ask for at most that many.",
                param="dimensions",
                code="invalid_value",
            )

    async def _reserve(self) -> ledger.Hold:
        """From the minute's tokens and from the balance, or neither."""
        order, caller = self.order, self.order.payer
        request = ledger.HoldRequest(
            id=order.id,
            organisation_id=order.organisation_id,
            key_id=None,
            model=order.entry.id,
            prompt_tokens=self.tokens,
            max_output=0,
            minimum_output=1,  # a balance that does not pay for the texts is refused, not shortened
            tier=order.tier,
        )
        if isinstance(caller, Caller):
            if order.tier != BATCH:
                self._reservation = await self._take_tokens(caller)
            request = replace(
                request,
                key_id=caller.key_id,
                meter_id=caller.meter_id,
                budget_nano=caller.budget_nano,
                budget_period=caller.budget_period,
            )
        try:
            return await ledger.hold(request)
        except Exception:
            if self._reservation:
                self._reservation.cancel()
            raise

    async def _take_tokens(self, caller: Caller) -> rate_limits.Reservation:
        try:
            return await metering.atake_tokens(caller, self.tokens)
        except RateLimited:
            if self.order.request:
                self.order.request.cancel()  # a 429 costs nothing
            raise

    async def _read(self, engine: Engine, texts: Tokenised) -> None:
        if self._unwanted:
            return
        read = engine.embed if self.order.verb == "embed" else engine.classify
        work = read(texts.texts, tenant=self.order.organisation_id)
        self._work = asyncio.ensure_future(work)
        await asyncio.wait({self._work}, timeout=SECONDS)
        if not self._work.done():
            self._work.cancel()
            self.failure = ServerOverloaded("Reading these inputs took too long.", retry_after=5)
        elif not self._work.cancelled():
            if error := self._work.exception():
                self.failure = api_error(cast("Exception", error))
            else:
                self.result, self.failure = self._work.result(), None

    async def _close(self, hold: ledger.Hold) -> None:
        """Settle what was read or void the hold, for as long as the database takes."""
        if self.result is not None:
            self.cost = pricing.charge(hold.price, self.tokens, 0, 0)
            try:
                await asyncio.to_thread(self._finish)
            except Exception as error:  # noqa: BLE001 - as above; an answer unwritten is not paid
                self.result, self.cost, self.failure = None, 0, api_error(error)
        elif self._reservation:
            self._reservation.cancel()
        if self.result is not None:
            try:
                await until_it_went_through(self._settle, self._told.set)
            except ApiError as refusal:  # of `finish`: nobody has the result, so nobody pays
                self.result, self.cost, self.failure = None, 0, refusal
        if self.result is None:
            await until_it_went_through(self._void, self._told.set)

    def _finish(self) -> None:
        wanted = self.order.dimensions
        if wanted and isinstance(self.result, Embedded):
            vectors = [shortened(vector, wanted) for vector in self.result.vectors]
            self.result = replace(self.result, vectors=vectors)
        if self._write:
            self.answer = self._write(self)

    async def _settle(self) -> None:
        finish = self.order.finisher
        if finish is None:
            await self._charge(None)
            return
        async with database.connection() as connection, connection.transaction():
            await finish(self, connection)
            await self._charge(connection)

    async def _charge(self, connection: database.Connection | None) -> None:
        took = round((time.monotonic() - self._began) * 1000)
        usage = ledger.Usage(self.tokens, 0, 0)
        await ledger.settle(self.order.id, usage, "stop", None, took, connection=connection)

    async def _void(self) -> None:
        await ledger.void(self.order.id, "error" if self.failure else "cancelled")
        await self._forget_claim()

    async def _forget_claim(self) -> None:
        if self.order.idempotency:
            await idempotency.release(self.order.id)


async def _keep(reading: Reading, connection: database.Connection) -> None:
    if reading.answer is not None:
        await idempotency.finish(reading.order.id, reading.answer, connection)


_open: set[Reading] = set()


def start(order: Order, write: Write | None = None) -> Reading:
    """Begin at once, in a task of its own."""
    reading = Reading(order, write)
    _open.add(reading)
    reading.task.add_done_callback(lambda _: _open.discard(reading))
    return reading


async def drain(seconds: float = 30.0) -> None:
    """Wait for this loop's Readings; those that take longer are cut, and cost nothing."""
    await _settled(seconds)
    for reading in _of_this_loop():
        reading.cut(Unavailable("The server is shutting down. Try again.", retry_after=2))
    await _settled(LAST_WORDS)


async def _settled(seconds: float) -> None:
    if tasks := [reading.task for reading in _of_this_loop()]:
        await asyncio.wait(tasks, timeout=seconds)


def _of_this_loop() -> list[Reading]:
    loop = asyncio.get_running_loop()
    return [reading for reading in _open if reading.task.get_loop() is loop]


def shortened(vector: "array[float]", dimensions: int) -> "array[float]":
    """The first numbers, of length 1 again."""
    cut = vector[:dimensions]
    length = math.hypot(*cut) or 1.0
    return array("f", [value / length for value in cut])
