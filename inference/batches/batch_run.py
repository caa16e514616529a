"""One batch while it runs: as many lines at once as engine and balance allow, until all is done."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from accounts import authentication
from accounts.authentication import Caller
from api.errors import (
    ApiError,
    Forbidden,
    InsufficientBalance,
    InternalError,
    KeyBudgetExceeded,
    Unauthenticated,
    Unavailable,
)
from billing import ledger
from inference.batches import asking, lines
from inference.batches.asking import Call
from inference.batches.lines import Taken, TakenLine
from inference.batches.models import Batch
from inference.batches.prices import BatchPrices
from inference.batches.rests import Rests
from inference.batches.slots import Engines
from inference.runs.failures import DATABASE_AWAY, api_error

MOST_AT_ONCE: Final = 64
MOST_ATTEMPTS: Final = 30  # while its model is away: about fifty minutes
MOST_BREAKDOWNS: Final = 3  # of an engine that answers, but fails on this line
SHORT_OF_MONEY: Final = (InsufficientBalance, KeyBudgetExceeded)
LOOK_SECONDS: Final = 1.0
STOPPED: Final = Unavailable("The batch was stopped before this line was answered.")
Result = TypeVar("Result")


class BatchRun:
    """`refusal` says why its key may not go on, if that is why it ended."""

    def __init__(self, batch: Batch, engines: Engines) -> None:
        self.refusal: ApiError | None = None
        self._batch = batch
        self._engines = engines
        self._prices = BatchPrices()
        self._rests = Rests()
        self._window = MOST_AT_ONCE
        self._asking: set[asyncio.Task[None]] = set()
        self._calls: set[Call] = set()
        self._stopped = asyncio.Event()

    async def feed(self) -> None:
        """Until no line is left, or `stop`; then nothing of it runs any more."""
        try:
            while not self._stopped.is_set():
                taken = await self._take()
                if not (taken or self._asking or self._rests.models()):
                    break
                await self._pause()
        finally:
            await self._cut()

    def stop(self) -> None:
        self._stopped.set()

    async def _caller(self) -> Caller | None:
        """The key as it is now; None once it may not go on."""
        try:
            caller = await self._surely(lambda: authentication.caller_of_key(self._batch.key_id))
            caller.require("inference")
        except (Unauthenticated, Forbidden) as refusal:
            self.refusal = refusal
            self.stop()
            return None
        return caller

    async def _take(self) -> bool:
        """Were there any more?"""
        batch, room = self._batch, self._window - len(self._asking)
        if room <= 0 or (caller := await self._caller()) is None:
            return False
        taken = await self._surely(
            lambda: lines.take(batch.id, batch.holder, room, self._rests.models())
        )
        for line in taken:
            self._begin(line, caller)
        return bool(taken)

    async def _pause(self) -> None:
        """Until a line is done, or it is time to look whether a rest is over."""
        stopped = asyncio.ensure_future(self._stopped.wait())
        waits = {*self._asking, stopped}
        await asyncio.wait(waits, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()

    def _begin(self, line: TakenLine, caller: Caller) -> None:
        task = asyncio.create_task(self._ask(line, caller))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask(self, line: TakenLine, caller: Caller) -> None:
        try:
            await self._answer(line, caller)
        except Exception as error:  # noqa: BLE001 - a line is a border: what is unknown is logged
            await self._failed(line, api_error(error))
        else:
            self._rests.end(line.model)
            self._window = min(self._window + 1, MOST_AT_ONCE)

    async def _answer(self, line: TakenLine, caller: Caller) -> None:
        if line.attempts > MOST_ATTEMPTS:  # whoever asked it so often did not live to tell
            raise InternalError("The server failed on this line again and again.")
        ready = await asking.ready(self._batch.endpoint, line, caller)
        await self._prices.ensure(ready.model)
        async with self._engines.slots(ready.model).taken(ready.choices):
            call = ready.start()
            self._calls.add(call)
            try:
                await asyncio.wait([call.task])  # its answer is there before the books are closed
            finally:
                self._calls.discard(call)
        if call.failure:
            raise call.failure

    async def _failed(self, line: TakenLine, failure: ApiError) -> None:
        if isinstance(failure, Taken):
            await self._surely(lambda: ledger.void(line.hold_id, "line_taken"))
        if failure is STOPPED:
            return
        if isinstance(failure, SHORT_OF_MONEY) and len(self._asking) > 1:
            # What the others hold comes back, most of it: less at once may still be paid.
            self._window = max(1, len(self._asking) // 2)
            await self._surely(lambda: lines.put_back(line, counts=False))
        elif self._may_work_later(line, failure):
            await self._surely(lambda: lines.put_back(line, counts=True))
        else:
            said = asking.refusal(self._batch.endpoint, failure)
            await self._surely(lambda: lines.fail(line, failure.status, said))

    def _may_work_later(self, line: TakenLine, failure: ApiError) -> bool:
        if isinstance(failure, InternalError) or failure.error_code == "generation_failed":
            return line.attempts < MOST_BREAKDOWNS
        if not isinstance(failure, Unavailable) or line.attempts >= MOST_ATTEMPTS:
            return False
        self._rests.begin(line.model)
        return True

    async def _surely(self, work: Callable[[], Awaitable[Result]]) -> Result:
        """However long the database is away."""
        while True:
            try:
                return await work()
            except DATABASE_AWAY:
                await asyncio.sleep(LOOK_SECONDS)

    async def _cut(self) -> None:
        """Nothing that was not answered is charged; its lines stay `running` for `reclaim`."""
        tasks = [call.task for call in self._calls]
        for call in list(self._calls):
            call.cut(STOPPED)
        for task in list(self._asking):
            task.cancel()
        await asyncio.gather(*self._asking, *tasks, return_exceptions=True)
