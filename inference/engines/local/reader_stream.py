"""What an engine process says to one reader, at the gateway."""

import asyncio

from inference.engines.base import Delta, EngineError, joined


class ReaderStream:
    """Deltas on their way to one reader; what it has not taken yet is merged by choice, but an echo
    never with what follows it."""

    def __init__(self, choices: int) -> None:
        self._open = choices
        self._deltas: dict[tuple[int, bool], Delta] = {}
        self._error: EngineError | None = None
        self._waiting: asyncio.Future[None] | None = None

    @property
    def finished(self) -> bool:
        return not self._open and not self._deltas

    @property
    def complete(self) -> bool:
        """Nothing more will come."""
        return not self._open or self._error is not None

    def add(self, delta: Delta) -> None:
        key = (delta.index, delta.completion_tokens > 0)
        earlier = self._deltas.get(key)
        self._deltas[key] = joined(earlier, delta) if earlier else delta
        if delta.finish_reason:
            self._open -= 1
        self._wake()

    def fail(self, error: EngineError) -> None:
        self._error = error
        self._wake()

    async def take(self) -> list[Delta]:
        if not self._deltas and self._error is None:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        if self._deltas:
            deltas, self._deltas = list(self._deltas.values()), {}
            return deltas
        assert self._error is not None  # noqa: S101 - woken by one of the two
        raise self._error

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
