"""Who in this process listens to which answer; one that nobody listens to may be ended."""

import asyncio
import logging
import weakref
from collections import Counter
from typing import Final

from api.errors import ApiError
from chatbots.conversing import Turn

ALONE_SECONDS: Final = 60.0
logger = logging.getLogger(__name__)


class Audience:
    """Of one event loop."""

    def __init__(self) -> None:
        self._listeners: Counter[str] = Counter()
        self._alone: dict[str, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def come(self, turn: Turn) -> None:
        self._listeners[turn.response_id] += 1
        if timer := self._alone.pop(turn.response_id, None):
            timer.cancel()

    def go(self, turn: Turn, *, stops_alone: bool) -> None:
        """`stops_alone`: the answer has not ended, and shall not go on without anybody."""
        self._listeners[turn.response_id] -= 1
        if self._listeners[turn.response_id] > 0:
            return
        del self._listeners[turn.response_id]
        if stops_alone:
            loop = asyncio.get_running_loop()
            self._alone[turn.response_id] = loop.call_later(ALONE_SECONDS, self._end, turn)

    def _end(self, turn: Turn) -> None:
        del self._alone[turn.response_id]
        self._ending.add(task := asyncio.create_task(_cancel(turn)))
        task.add_done_callback(self._ending.discard)


async def _cancel(turn: Turn) -> None:
    try:
        await turn.cancel()
    except ApiError as error:
        logger.warning("lonely_answer_goes_on", extra={"reason": error.error_code})


_of_loop: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Audience]" = (
    weakref.WeakKeyDictionary()
)


def audience() -> Audience:
    """Of this event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = Audience()
    return _of_loop[loop]
