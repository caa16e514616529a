"""The engine process: answers gateways over a socket, and turns what the loop made into frames."""

import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from inference.engines.base import EngineError, GenerationRequest, InvalidGeneration
from inference.engines.local import echo, sockets, validation
from inference.engines.local.connection import Connection
from inference.engines.local.frames import EngineHealth
from inference.engines.local.grammars import Grammar
from inference.engines.local.loading import LoadedModel
from inference.engines.local.loop import EngineLoop, QueueBounds
from inference.engines.local.sequences import StepEvents, Submission
from inference.engines.local.streams import Stream
from inference.engines.local.time_limit import TimeLimit, TookTooLong
from inference.engines.local.tool_formats import grammar_for

log = logging.getLogger(__name__)

STUCK_SECONDS = 60.0
PREPARE_SECONDS = 2.0
PREPARING_AT_ONCE = 2
COMPILING_AT_ONCE = 2
# A step has hundreds of short torch calls, each giving up the GIL: at the default of 5 ms the text
# side could hold each of them up for that long.
SWITCH_SECONDS = 0.0005


class EngineServer:
    """One model on one socket. Everything but the step loop runs in the asyncio thread."""

    def __init__(
        self, model: LoadedModel, secret: str | None = None, bounds: QueueBounds | None = None
    ) -> None:
        self.model = model
        self.secret = secret
        self.connections: set[Connection] = set()
        # As much may wait as two full houses take; more would only wait in vain.
        bounds = bounds or QueueBounds(2 * model.slots * model.info.context_window)
        self._steps = EngineLoop(model.steps, bounds, self._hand_over, self._loop_ended)
        self._workers = ThreadPoolExecutor(PREPARING_AT_ONCE, "prepare")
        self._compilers = ThreadPoolExecutor(COMPILING_AT_ONCE, "compile")
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
        self.model.grammars.start()
        try:
            ready()
            await self._watch()
        finally:
            listener.close()
            for connection in list(self.connections):
                connection.close()
            await asyncio.to_thread(self._steps.stop)
            self._workers.shutdown(wait=False, cancel_futures=True)
            self._compilers.shutdown(cancel_futures=True)
            self.model.grammars.close()
            sockets.remove(address)
        return 0 if self._stopping else 1

    async def prepare(self, request: GenerationRequest) -> tuple[list[int], Grammar | None]:
        """The prompt's tokens, and what holds the answer to its form. Raises InvalidGeneration."""
        model = self.model
        if request.adapter is not None:
            raise InvalidGeneration("This engine serves no adapters.", "model")
        validation.check(request.sampling, model.info.vocabulary_size, model.slots)
        validation.check_prompt(request)
        return await self._encode(request), await self._grammar(request)

    async def _encode(self, request: GenerationRequest) -> list[int]:
        limit = TimeLimit()
        timer = self._asyncio.call_later(PREPARE_SECONDS, limit.expire)
        try:
            return await self._asyncio.run_in_executor(
                self._workers, limit.run, lambda: self.model.encoder.encode(request)
            )
        except TookTooLong as error:
            raise InvalidGeneration(
                "Preparing these messages takes too long. Send fewer or shorter ones.",
                "messages" if request.prompt is None else "prompt",
            ) from error
        finally:
            timer.cancel()

    async def _grammar(self, request: GenerationRequest) -> Grammar | None:
        """Compiled in a thread that may wait for it, while nobody else does."""
        if not (request.response_format or request.tools):
            return None
        return await self._asyncio.run_in_executor(self._compilers, self._compiled, request)

    def _compiled(self, request: GenerationRequest) -> Grammar | None:
        grammar = grammar_for(request, self.model.tools)
        if grammar is None:
            return None
        param = "tools" if request.tools else "response_format"
        return self.model.grammars.compile(grammar, param)

    def submit(self, submission: Submission) -> None:
        self._steps.submit(submission)

    def cancel(self, submission: Submission) -> None:
        self._steps.cancel(submission)

    def health(self) -> EngineHealth:
        seconds = self._steps.step_seconds
        return EngineHealth(
            status="ok" if seconds < STUCK_SECONDS else "stuck",
            step_seconds=seconds,
            running=self._steps.running,
            slots=self.model.slots,
            waiting_tokens=self._steps.waiting_tokens,
            steps=self._steps.steps,
        )

    def _hand_over(self, events: StepEvents) -> None:
        """In the loop's thread: one wake-up a step."""
        self._asyncio.call_soon_threadsafe(self._report, events)

    def _report(self, events: StepEvents) -> None:
        for prompt in events.prompts:
            if isinstance(prompt.submission.owner, Stream):
                echo.give(prompt.submission.owner, prompt, self.model.vocabulary)
        for event in events.tokens:
            stream = event.sequence.submission.owner
            if isinstance(stream, Stream) and (stopped := stream.give(event)):
                self._steps.cancel(stopped)
        for failure in events.failures:
            self._tell(failure.submission, failure.error)
        for connection in self.connections:
            connection.flush()

    def _tell(self, submission: Submission, error: EngineError) -> None:
        stream = submission.owner
        if isinstance(stream, Stream) and isinstance(stream.reader, Connection):
            stream.reader.fail(stream, error)

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
