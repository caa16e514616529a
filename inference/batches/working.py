"""The worker's part: claim batches until none is left, run several at once, keep their leases."""

import asyncio
import logging
import threading
from collections.abc import Callable, Collection
from functools import partial
from typing import Final, TypeVar

from django.db import InterfaceError, OperationalError, connections

from api import database
from api.errors import ApiError
from billing import ledger
from inference import event_log, reading, runs
from inference.batches import finishing, lines, validating
from inference.batches.batch_run import LOOK_SECONDS, BatchRun
from inference.batches.models import Batch
from inference.batches.slots import Engines
from inference.engines import registry

MOST_BATCHES: Final = 8  # of as many organisations
DATABASE_AWAY: Final = (OperationalError, InterfaceError)
Result = TypeVar("Result")
logger = logging.getLogger(__name__)
_at_work = threading.Lock()
_leaving = threading.Event()


def work() -> None:
    """Until nothing is left that may be claimed. One call of a process works, others return."""
    if not _at_work.acquire(blocking=False):
        return
    try:
        asyncio.run(_Desk().work())
    finally:
        _at_work.release()


def leave() -> None:
    """The process is going to end: what runs is cut, uncharged, and the next worker goes on."""
    _leaving.set()


class _Desk:
    """The batches of one event loop."""

    def __init__(self) -> None:
        self._engines = Engines()
        self._batches: dict[asyncio.Task[None], Batch] = {}

    async def work(self) -> None:
        try:
            while not _leaving.is_set():
                await self._claim()
                if not self._batches:
                    break
                await asyncio.wait(
                    self._batches, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                )
            await asyncio.gather(*self._batches, return_exceptions=True)
        finally:
            await self._put_down()
            await _close()

    async def _claim(self) -> None:
        while len(self._batches) < MOST_BATCHES:
            busy = {batch.organisation_id for batch in self._batches.values()}
            batch = await _in_thread(partial(_next, busy))
            if batch is None:
                return
            task = asyncio.create_task(self._see_through(batch))
            self._batches[task] = batch
            task.add_done_callback(self._batches.pop)

    async def _put_down(self) -> None:
        """Whatever ended `work`: what still ran would open again what is about to be closed."""
        tasks = list(self._batches)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _see_through(self, batch: Batch) -> None:
        try:
            with batch.kept():
                await self._live(batch)
        except Exception:
            # Its lease lapses; then a worker tries again.
            logger.exception("batch_failed", extra={"batch": batch.pk})

    async def _live(self, batch: Batch) -> None:
        if batch.status == Batch.Status.VALIDATING:
            await _in_thread(lambda: validating.validate(batch))
            await _in_thread(lambda: batch.refresh_from_db(fields=["status"]))
        if batch.status not in Batch.UNFINISHED:
            return
        await lines.reclaim(batch.id)
        refusal = None
        if batch.status == Batch.Status.IN_PROGRESS:
            refusal = await self._run(batch)
        if _leaving.is_set():
            await lines.reclaim(batch.id)
            await _in_thread(batch.release)
        else:
            await _in_thread(lambda: finishing.finish(batch, refusal))

    async def _run(self, batch: Batch) -> ApiError | None:
        run = BatchRun(batch, self._engines)
        feeding = asyncio.create_task(run.feed())
        try:
            while not feeding.done():
                await asyncio.wait([feeding], timeout=LOOK_SECONDS)
                if _leaving.is_set() or not await _in_thread(lambda: _goes_on(batch)):
                    run.stop()
        finally:
            run.stop()
            await feeding
        return run.refusal


def _next(busy: Collection[str]) -> Batch | None:
    """Claimed, or None; none while the database is away, and what runs waits for it."""
    try:
        batch: Batch | None = Batch.objects.all().next_for(busy).claim()
    except DATABASE_AWAY:
        return None
    return batch


def _goes_on(batch: Batch) -> bool:
    """Write down how far it is; False once it is cancelled, expired or somebody else's."""
    try:
        mine = batch.renew(**finishing.counts(batch))
        return mine and Batch.objects.all().in_progress().filter(pk=batch.pk).exists()
    except DATABASE_AWAY:
        return True  # the database is away; so is everybody else who might claim


async def _in_thread(ask: Callable[[], Result]) -> Result:
    """Django's own road, which keeps a connection for each thread: this one is closed again."""

    def asked() -> Result:
        try:
            return ask()
        finally:
            connections.close_all()

    return await asyncio.to_thread(asked)


async def _close() -> None:
    await runs.drain()
    await reading.drain()
    await ledger.drain()
    await registry.close()
    await event_log.close()
    await database.close()
