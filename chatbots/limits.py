"""Messages of a visitor and of an address in a sliding window: never more than the limit passes.

In the memory of this process; with `REDIS_URL` all web processes share the windows, and while Redis
is away each counts alone, from what it has let through itself. A message that is refused, for
whatever reason, counts nothing.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final
from uuid import uuid4

from api import rate_limits
from api.errors import RateLimited
from api.windows import State, Wish
from chatbots.configuration import Limits

FEW: Final = 4096


@dataclass(frozen=True, slots=True)
class Window:
    """`key` is whose messages are counted."""

    name: str
    key: str
    most: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Left:
    name: str
    limit: int
    remaining: int
    reset_seconds: float


def windows(
    chatbot_id: str, limits: Limits, visitor_id: str | None, address: str | None
) -> list[Window]:
    """What counts for this speaker; nothing for API keys, which have limits of their own."""
    if visitor_id is None:
        return []
    seconds = limits.window_seconds
    found = [Window("messages", f"{chatbot_id} {visitor_id}", limits.messages, seconds)]
    if address:
        key = f"{chatbot_id} from {address}"
        found.append(Window("address_messages", key, limits.address_messages, seconds))
    return found


async def take(wanted: Sequence[Window], text: str = "") -> Callable[[], None]:
    """Count one message in all of these windows, or in none; the answer gives it back.

    Raises RateLimited with the true time to wait and `text`, if there is one.
    """
    windows, taken = rate_limits.shared(), uuid4().hex
    if windows is None or not wanted:
        return take_here(wanted, text)
    wishes = [Wish(window.key, 1, window.most, window.seconds) for window in wanted]
    told = await windows.atake(taken, wishes)
    if told is None:
        return take_here(wanted, text)
    give_back_here = _learn(wanted, told, text)

    def give_back() -> None:
        windows.give_back(taken, [window.key for window in wanted], 0)
        give_back_here()

    return give_back


def take_here(wanted: Sequence[Window], text: str = "") -> Callable[[], None]:
    """The same, of what this process has let through."""
    with _lock:
        now = time.monotonic()
        _refuse(max((_wait(window, now) for window in wanted), default=0), text)
        return _count(wanted, now)


def left(wanted: Sequence[Window]) -> list[Left]:
    with _lock:
        now = time.monotonic()
        return [_left(window, now) for window in wanted]


def forget_all() -> None:
    """Start over (a test's wish)."""
    with _lock:
        _taken.clear()
        _longest.clear()
        _told.clear()


_lock = Lock()
_taken: dict[str, deque[float]] = {}
_longest: dict[str, int] = {}
_told: dict[str, tuple[int, float]] = {}  # by Redis: how many of all processes, and until when
_prune_at = FEW


def _learn(wanted: Sequence[Window], told: Sequence[State], text: str) -> Callable[[], None]:
    """What Redis says of these windows, in its order; a message that it let through counts here,
    too, for the time when it is away."""
    with _lock:
        now = time.monotonic()
        for window, state in zip(wanted, told, strict=True):
            _told[window.key] = (state.used, now + state.empty_in)
        _refuse(max(state.wait for state in told), text)
        return _count(wanted, now)


def _refuse(wait: float, text: str) -> None:
    if wait > 0:
        said = text or f"You are sending messages too fast. Try again in {wait:.0f} seconds."
        raise RateLimited(said, code="rate_limited", retry_after=wait)


def _count(wanted: Sequence[Window], now: float) -> Callable[[], None]:
    for window in wanted:
        _recent(window, now)
        _taken.setdefault(window.key, deque()).append(now)
    _prune(now)
    return lambda: _give_back([window.key for window in wanted], now)


def _recent(window: Window, now: float) -> deque[float]:
    _longest[window.key] = window.seconds
    taken = _taken.get(window.key, deque())
    while taken and now - taken[0] >= window.seconds:
        taken.popleft()
    return taken


def _wait(window: Window, now: float) -> float:
    taken = _recent(window, now)
    if len(taken) < window.most:
        return 0.0
    return taken[len(taken) - window.most] + window.seconds - now


def _left(window: Window, now: float) -> Left:
    taken = _recent(window, now)
    used, until = _told.get(window.key, (0, now))
    if until <= now:
        used = 0
    reset = max(taken[-1] + window.seconds if taken else now, until) - now
    remaining = max(0, window.most - max(len(taken), used))
    return Left(window.name, window.most, remaining, round(reset, 1))


def _give_back(keys: Sequence[str], moment: float) -> None:
    with _lock:
        for key in keys:
            if (taken := _taken.get(key)) and moment in taken:
                taken.remove(moment)
            if key in _told:
                used, until = _told[key]
                _told[key] = (used - 1, until)


def _prune(now: float) -> None:
    """Drop who has been silent; again only after as many new ones, so a message stays O(1)."""
    global _prune_at  # noqa: PLW0603 - guarded by _lock, like all of this module's state
    if len(_taken) < _prune_at:
        return
    for key, taken in list(_taken.items()):
        if not taken or now - taken[-1] >= _longest.get(key, 0):
            del _taken[key]
            _longest.pop(key, None)
            _told.pop(key, None)
    _prune_at = max(FEW, 2 * len(_taken))
