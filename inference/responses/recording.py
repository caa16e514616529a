"""Events of one response on their way to the event log, where all of its readers find them."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import suppress
from typing import Any

from api.errors import ApiError, DatabaseUnavailable, NotFound, Unavailable
from inference.event_log import Event, event_log, key_of
from inference.responses import rows
from inference.runs import Run
from inference.runs.failures import api_error

LOOK_SECONDS = 1.0  # between looks whether another process was asked to cancel
logger = logging.getLogger(__name__)
_open: dict[str, "Recording"] = {}
_tasks: set["asyncio.Task[None]"] = set()


class Recording:
    """It goes on until the narration is over, whoever reads."""

    def __init__(
        self, organisation_id: str, response_id: str, narration: AsyncIterator[Sequence[Event]]
    ) -> None:
        self._organisation_id = organisation_id
        self._id = response_id
        self._key = key_of(organisation_id, response_id)
        self._narration = narration
        self._refusal: ApiError | None = None
        self._opened = asyncio.Event()
        self._run: Run | None = None
        _open[self._key] = self
        _keep(self._write())

    async def opened(self) -> None:
        await self._opened.wait()
        if self._refusal:
            raise self._refusal

    async def events(self) -> AsyncIterator[Sequence[Event]]:
        await self.opened()
        async for events in event_log().read(self._key):
            yield events

    def allow_cancelling(self, run: Run) -> None:
        self._run = run
        watch = _keep(self._watch(run))
        run.task.add_done_callback(lambda _: watch.cancel())

    async def cancelled(self) -> None:
        """Stop the Run, if it may be, and wait until it is settled."""
        if self._run:
            self._run.stop()
            await asyncio.wait([self._run.task])

    async def _write(self) -> None:
        log = event_log()
        try:
            async for events in self._narration:
                if events:
                    await log.append(self._key, events)
                    self._opened.set()
        except Exception as error:  # noqa: BLE001 - a job of its own is a border; the Run goes on
            self._refusal = api_error(error)
            if self._opened.is_set():
                logger.warning("events_not_logged", extra={"response": self._id})
        with suppress(Unavailable):
            await log.append(self._key, [], last=True)
        self._opened.set()
        _open.pop(self._key, None)

    async def _watch(self, run: Run) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with suppress(DatabaseUnavailable, NotFound):
                if (await rows.find(self._organisation_id, self._id)).status == "cancelled":
                    run.stop()


def recording_of(organisation_id: str, response_id: str) -> Recording | None:
    """Of this process."""
    return _open.get(key_of(organisation_id, response_id))


async def drain() -> None:
    """Wait until every recording of this event loop is written."""
    loop = asyncio.get_running_loop()
    await asyncio.gather(
        *(task for task in _tasks if task.get_loop() is loop), return_exceptions=True
    )


def _keep(work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
    _tasks.add(task := asyncio.create_task(work))
    task.add_done_callback(_tasks.discard)
    return task
