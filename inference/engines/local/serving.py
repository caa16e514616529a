"""One model on one socket: a process that listens, watches its loop, and ends when told to."""

import asyncio
import logging
import os
import signal
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from inference.engines.base import EngineInfo, GenerationRequest
from inference.engines.local import sockets
from inference.engines.local.connection import Connection
from inference.engines.local.embedding.desk import TextDesk
from inference.engines.local.embedding.queue import TextQueue
from inference.engines.local.embedding.texts import TextSide
from inference.engines.local.frames import EngineHealth
from inference.engines.local.loop import EngineLoop, QueueBounds, Stepping
from inference.engines.local.sequences import PreparedPrompt, StepEvents, Submission
from inference.engines.local.streams import Stream

log = logging.getLogger(__name__)

STUCK_SECONDS = 60.0
# A step has hundreds of short torch calls, each giving up the GIL: at the default of 5 ms the text
# side could hold each of them up for that long.
SWITCH_SECONDS = 0.0005


class ModelServer(ABC):
    """What generating and reading models have in common. Everything but the loop runs in the
    asyncio thread."""

    def __init__(
        self,
        info: EngineInfo,
        slots: int,
        steps: Stepping,
        bounds: QueueBounds,
        texts: TextSide,
        secret: str | None,
    ) -> None:
        self.info = info
        self.secret = secret
        self.connections: set[Connection] = set()
        self._slots = slots
        self._queue = TextQueue(texts.model)
        self._steps = EngineLoop(steps, bounds, self._hand_over, self._loop_ended, self._queue)
        self.texts = TextDesk(texts.tokens, self._queue, self._steps.wake)
        self._asyncio: asyncio.AbstractEventLoop
        self._ended: asyncio.Event
        self._stopping = False

    async def run(self, address: str, ready: Callable[[], None]) -> int:
        """Serve until SIGTERM, SIGINT or the loop's death; returns the exit status."""
        sys.setswitchinterval(SWITCH_SECONDS)
        self._asyncio = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            self._asyncio.add_signal_handler(name, self._stop)
        listener = await sockets.listen(address, lambda: Connection(self))
        self._steps.start()
        self._begin()
        try:
            ready()
            await self._watch()
        finally:
            listener.close()
            for connection in list(self.connections):
                connection.close()
            await asyncio.to_thread(self._steps.stop)
            self.texts.close()
            self._end()
            sockets.remove(address)
        return 0 if self._stopping else 1

    def health(self) -> EngineHealth:
        seconds = self._steps.step_seconds
        return EngineHealth(
            status="ok" if seconds < STUCK_SECONDS else "stuck",
            step_seconds=seconds,
            running=self._steps.running,
            slots=self._slots,
            waiting_tokens=self._steps.waiting_tokens + self._queue.tokens,
            steps=self._steps.steps,
            waiting=self._steps.waiting,
            worked_seconds=self._steps.worked_seconds,
            prompt_tokens=self._steps.prompt_tokens,
            generated_tokens=self._steps.generated_tokens,
            kept_tokens=self._steps.kept_tokens,
        )

    @property
    def at_once(self) -> str:
        return f"{self._slots} at once" if self._slots else "which reads texts"

    @abstractmethod
    async def prepare(self, request: GenerationRequest, wish: bytes) -> PreparedPrompt: ...

    @abstractmethod
    def stream(
        self, id_: int, reader: Connection, submission: Submission, request: GenerationRequest
    ) -> Stream: ...

    @abstractmethod
    def submit(self, submission: Submission) -> None: ...

    @abstractmethod
    def cancel(self, submission: Submission) -> None: ...

    @abstractmethod
    def _hand_over(self, events: StepEvents) -> None:
        """In the loop's thread: one wake-up a step."""

    @abstractmethod
    def _begin(self) -> None:
        """What else must be started."""

    @abstractmethod
    def _end(self) -> None:
        """What else must be ended."""

    def _stop(self) -> None:
        self._stopping = True
        self._ended.set()

    def _loop_ended(self) -> None:
        if not self._asyncio.is_closed():
            self._asyncio.call_soon_threadsafe(self._ended.set)

    async def _watch(self) -> None:
        """Once a second: forget what was prepared in vain, and end a process that is stuck.

        No thread can be killed inside torch, so the process goes; its supervisor starts it again.
        """
        while not self._ended.is_set():
            for connection in self.connections:
                connection.forget_expired(time.monotonic())
            if self.health().status == "stuck":
                log.critical("a step has been running for over %.0f s: giving up", STUCK_SECONDS)
                os._exit(os.EX_SOFTWARE)
            try:
                async with asyncio.timeout(1.0):
                    await self._ended.wait()
            except TimeoutError:
                continue
