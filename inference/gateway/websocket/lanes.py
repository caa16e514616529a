"""A lane: the responses of one `stream_id`, one after another."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context

from inference.gateway.websocket.frames import Frame
from inference.gateway.websocket.turns import Turn


class Lane:
    def __init__(self) -> None:
        self.waiting: deque[Frame] = deque()
        self.turn: Turn | None = None
        self._task: asyncio.Task[None] | None = None

    def begin(self, turn: Turn, done: Callable[[], None]) -> None:
        """Every turn has a context of its own, so that nothing of it stays with the connection."""
        self.turn = turn
        self._task = asyncio.create_task(turn.take(), context=Context())
        self._task.add_done_callback(lambda _: self._end(done))

    def abandon(self) -> None:
        self.waiting.clear()
        if self.turn and self._task and self.turn.leave():
            self._task.cancel()

    def _end(self, done: Callable[[], None]) -> None:
        self.turn = self._task = None
        done()
