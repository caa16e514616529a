"""A generating model's server: prepares requests, and hands what the loop made to its streams."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from inference.engines.base import EngineError, GenerationRequest, InvalidGeneration
from inference.engines.local import echo, grammar_wishes, validation
from inference.engines.local.adapters import Adapter
from inference.engines.local.connection import Connection
from inference.engines.local.frames import EngineHealth
from inference.engines.local.grammars import Grammar
from inference.engines.local.loading import LoadedModel
from inference.engines.local.loop import QueueBounds
from inference.engines.local.sequences import PreparedPrompt, StepEvents, Submission
from inference.engines.local.serving import ModelServer
from inference.engines.local.streams import Stream
from inference.engines.local.time_limit import TimeLimit, TookTooLong
from inference.engines.local.turns import Turns

PREPARE_SECONDS = 2.0
PREPARING_AT_ONCE = 2
COMPILING_AT_ONCE = 2


class EngineServer(ModelServer):
    """Serves a generating model, which also reads texts."""

    def __init__(
        self, model: LoadedModel, secret: str | None = None, bounds: QueueBounds | None = None
    ) -> None:
        # As much may wait as two full houses take; more would only wait in vain.
        bounds = bounds or QueueBounds(2 * model.tokens)
        super().__init__(model.info, model.slots, model.steps, bounds, model.texts, secret)
        self.model = model
        self._workers = ThreadPoolExecutor(PREPARING_AT_ONCE, "prepare")
        self._compilers = ThreadPoolExecutor(COMPILING_AT_ONCE, "compile")
        self._loaders = ThreadPoolExecutor(1, "adapters")
        self._preparing = Turns(PREPARING_AT_ONCE)
        self._compiling = Turns(COMPILING_AT_ONCE)

    def health(self) -> EngineHealth:
        return replace(super().health(), room=self.model.tokens)

    def _begin(self) -> None:
        self.model.grammars.start()
        threading.Thread(target=self.model.steps.speed_up, name="speed-up", daemon=True).start()

    def _end(self) -> None:
        self._workers.shutdown(wait=False, cancel_futures=True)
        self._compilers.shutdown(cancel_futures=True)
        self._loaders.shutdown(cancel_futures=True)
        self.model.grammars.close()

    async def prepare(self, request: GenerationRequest, wish: bytes) -> PreparedPrompt:
        """Raises InvalidGeneration."""
        model = self.model
        validation.check(request.sampling, model.info.vocabulary_size, model.slots)
        validation.check_prompt(request)
        adapter = await self._adapter(request)
        tokens, grammar = await self._encode(request), await self._grammar(request, wish)
        return PreparedPrompt(tokens, grammar, adapter)

    async def _adapter(self, request: GenerationRequest) -> Adapter | None:
        """Read from the disk by a worker, if it is not at hand; the step loop goes on."""
        if request.adapter is None:
            return None
        return await self._asyncio.run_in_executor(
            self._loaders, self.model.adapters.get, request.adapter
        )

    async def _encode(self, request: GenerationRequest) -> list[int]:
        async with self._preparing.turn(request.tenant):
            return await self._encoded_in_time(request)

    async def _encoded_in_time(self, request: GenerationRequest) -> list[int]:
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

    async def _grammar(self, request: GenerationRequest, wish: bytes) -> Grammar | None:
        """A new one's process is awaited by a thread, while nobody else does."""
        if not wish:
            return None
        grammars, param = self.model.grammars, grammar_wishes.param_of(request)
        if found := grammars.known(wish, param):
            return found
        async with self._compiling.turn(request.tenant):
            return await self._asyncio.run_in_executor(
                self._compilers, grammars.compile, wish, param
            )

    def stream(
        self, id_: int, reader: Connection, submission: Submission, request: GenerationRequest
    ) -> Stream:
        model = self.model
        return Stream.open(id_, reader, submission, model.vocabulary, request, model.tools)

    def submit(self, submission: Submission) -> None:
        self._steps.submit(submission)

    def cancel(self, submission: Submission) -> None:
        self._steps.cancel(submission)

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
