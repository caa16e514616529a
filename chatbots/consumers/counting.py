"""How many sockets an address, visitor or chatbot may have; frames, of a socket."""

import time
from collections.abc import Callable
from typing import Final

from django.conf import settings

from api import open_places
from api.errors import RateLimited
from chatbots.protocol.limits import BURST_FRAMES, FRAMES_A_SECOND

PREFIX: Final = "chat "


async def take(kind: str, name: str) -> Callable[[], None]:
    """Count one socket of an `address`, `visitor` or `chatbot`; the answer gives it back, once.

    Raises RateLimited.
    """
    most: int = settings.CHAT_SOCKETS[kind]
    give_back = await open_places.take(f"{PREFIX}{kind} {name}", most)
    if give_back is None:
        raise RateLimited(
            f"There are {most} connections open for this {kind}. Close one and try again.",
            code="rate_limited",
            retry_after=5,
        )
    return give_back


def in_all() -> int:
    """Open sockets that were counted by their address (a test's and a bench's question)."""
    return open_places.of_this_process(f"{PREFIX}address ")


class Allowance:
    """Frames of one client: BURST_FRAMES at once, then FRAMES_A_SECOND."""

    def __init__(self) -> None:
        self._left = float(BURST_FRAMES)
        self._at = time.monotonic()

    def take(self) -> None:
        """Raises RateLimited."""
        now = time.monotonic()
        self._left = min(BURST_FRAMES, self._left + (now - self._at) * FRAMES_A_SECOND)
        self._at = now
        if self._left < 1:
            raise RateLimited(
                f"Send at most {FRAMES_A_SECOND} frames a second.",
                code="rate_limited",
                retry_after=(1 - self._left) / FRAMES_A_SECOND,
            )
        self._left -= 1
