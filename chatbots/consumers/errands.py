"""What is done for one client at the same time; what goes wrong is told to it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from api.errors import ApiError, InternalError
from chatbots.consumers.outbox import Outbox
from chatbots.protocol import writing

FAILED: Final = "Something went wrong here. Try again."
logger = logging.getLogger(__name__)
Work = Coroutine[Any, Any, None]


class Errands:
    """`rests` is called whenever the last one is done."""

    def __init__(self, outbox: Outbox) -> None:
        self.rests: Callable[[], None] | None = None
        self._outbox = outbox
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def do(self, work: Work, event_id: str | None = None) -> "asyncio.Task[None]":
        self._tasks.add(task := asyncio.create_task(self._guarded(work, event_id)))
        task.add_done_callback(self._done)
        return task

    async def _guarded(self, work: Work, event_id: str | None) -> None:
        try:
            await work
        except ApiError as error:
            self._outbox.put(writing.error(error, event_id))
        except Exception:  # a border: the trouble of one frame, not of the connection
            logger.exception("chat_frame_failed")
            self._outbox.put(writing.error(InternalError(FAILED), event_id))

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if self.rests and not self.busy:
            self.rests()
