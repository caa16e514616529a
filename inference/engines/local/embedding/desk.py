"""The asyncio side: tokenising in a thread of its own, and waiting for what the loop makes."""

import asyncio
from array import array
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from inference.engines import texts as limits
from inference.engines.base import InvalidGeneration
from inference.engines.local.embedding.queue import Job, TextQueue
from inference.engines.local.embedding.tokens import TextTokens


class TextDesk:
    """`wake` tells the loop that something waits."""

    def __init__(self, tokens: TextTokens, queue: TextQueue, wake: Callable[[], None]) -> None:
        self._tokens = tokens
        self._queue = queue
        self._wake = wake
        self._thread = ThreadPoolExecutor(1, "tokenise")

    @property
    def width(self) -> int:
        return self._queue.model.width

    @property
    def labels(self) -> tuple[str, ...]:
        return self._queue.model.labels

    async def tokenise(self, texts: "Sequence[str | array[int]]") -> "list[array[int]]":
        """Raises InvalidGeneration."""
        if not texts or len(texts) > limits.MAX_TEXTS:
            limits.check([0] * len(texts), 0)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._tokens.tokenise, texts)

    async def read(self, rows: "Sequence[array[int]]", tenant: str) -> bytes:
        """32-bit floats, text by text. Raises InvalidGeneration, EngineOverloaded, …"""
        limits.check([len(row) for row in rows], self._tokens.context)
        self._tokens.check(rows)
        loop = asyncio.get_running_loop()
        told: asyncio.Future[bytes] = loop.create_future()
        job = Job(rows, tenant, lambda job: loop.call_soon_threadsafe(_tell, told, job))
        self._queue.add(job)
        self._wake()
        try:
            return await told
        finally:
            job.cancelled = True  # changes nothing once it is done

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


def _tell(told: "asyncio.Future[bytes]", job: Job) -> None:
    if told.done():
        return
    if job.error is not None:
        told.set_exception(job.error)
    elif job.numbers is None:  # it cannot be: a job without texts is refused
        told.set_exception(InvalidGeneration("There is nothing to read.", limits.PARAM))
    else:
        told.set_result(job.numbers.numpy().tobytes())
