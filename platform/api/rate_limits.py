"""Requests and tokens a minute for each key: an exact sliding window, in this process.

In any 60 seconds no more than the limit is taken; what is refused costs nothing; what was taken by
estimate and not used is given back. All calls are thread-safe and cost a few microseconds.

`key_id` is a `Caller.meter_id`: a key and those it was rotated to share one window. What remains is
said on every answer to a key that was read; a path or a method that does not exist is refused
before anybody looks at the key, so those answers (404, 405 of the generating routes) say nothing.
"""

import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

from api.errors import LargerThanLimit, RateLimited

WINDOW: Final = 60.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    requests_per_minute: int
    tokens_per_minute: int


class Reservation:
    """A share of a window; it counts until it is 60 seconds old, or given back."""

    __slots__ = ("amount", "taken_at", "window")

    def __init__(self, window: "_Window", amount: int, taken_at: float) -> None:
        self.window = window
        self.amount = amount
        self.taken_at = taken_at

    def settle(self, actual: int) -> None:
        """Give back what `actual` did not use."""
        with _lock:
            if (unused := self.amount - actual) > 0:
                self.amount = actual
                self.window.used -= unused

    def cancel(self) -> None:
        """Give all of it back."""
        self.settle(0)


@dataclass(slots=True)
class _Window:
    used: int = 0
    taken: deque[Reservation] = field(default_factory=deque)

    def forget(self, now: float) -> None:
        """Drop what is older than the window."""
        taken = self.taken
        while taken and now - taken[0].taken_at >= WINDOW:
            old = taken.popleft()
            self.used -= old.amount
            old.amount = 0  # giving back later changes nothing

    def take(self, amount: int, limit: int, now: float) -> Reservation | None:
        self.forget(now)
        if self.used + amount > limit:
            return None
        self.used += amount
        self.taken.append(reservation := Reservation(self, amount, now))
        return reservation

    def seconds_until(self, amount: int, limit: int, now: float) -> float:
        """How long until `amount` (at most `limit`) fits."""
        missing = self.used + amount - limit
        for reservation in self.taken:
            missing -= reservation.amount
            if missing <= 0:
                return reservation.taken_at + WINDOW - now
        return WINDOW

    def seconds_until_empty(self, now: float) -> float:
        return max(0.0, self.taken[-1].taken_at + WINDOW - now) if self.taken else 0.0


@dataclass(slots=True)
class _Windows:
    requests: _Window = field(default_factory=_Window)
    tokens: _Window = field(default_factory=_Window)


_lock = Lock()
_keys: dict[str, _Windows] = {}
_FEW_KEYS: Final = 1024
_prune_at = _FEW_KEYS


def take_request(key_id: str, limits: Limits) -> Reservation:
    """Count one request; raises RateLimited with the true time to wait."""
    limit = limits.requests_per_minute
    with _lock:
        now = time.monotonic()
        window = _windows(key_id, now).requests
        reservation = window.take(1, limit, now)
        if reservation:
            return reservation
        wait = window.seconds_until(1, limit, now)
    raise RateLimited(
        f"This key may make {limit:,} requests a minute. Try again in {wait:.1f} seconds.",
        retry_after=wait,
    )


def take_tokens(key_id: str, limits: Limits, amount: int) -> Reservation:
    """Count `amount` tokens ahead; raises RateLimited with the true time to wait."""
    limit = limits.tokens_per_minute
    if amount > limit:
        raise LargerThanLimit(
            f"This call may need {amount:,} tokens, and this key may use {limit:,} a minute. "
            "Shorten the prompt or lower max_tokens.",
            retry_after=WINDOW,
        )
    with _lock:
        now = time.monotonic()
        window = _windows(key_id, now).tokens
        reservation = window.take(amount, limit, now)
        if reservation:
            return reservation
        wait = window.seconds_until(amount, limit, now)
    raise RateLimited(
        f"This key may use {limit:,} tokens a minute, and this call needs up to {amount:,}. "
        f"Try again in {wait:.1f} seconds, or lower max_tokens.",
        retry_after=wait,
    )


def headers(key_id: str, limits: Limits) -> dict[str, str]:
    """The six X-RateLimit-* headers; Reset is when the whole limit is free again (ISO 8601)."""
    clock = datetime.now(UTC)
    with _lock:
        now = time.monotonic()
        windows = _windows(key_id, now)
        windows.requests.forget(now)
        windows.tokens.forget(now)
        requests, tokens = windows.requests.used, windows.tokens.used
        waits = windows.requests.seconds_until_empty(now), windows.tokens.seconds_until_empty(now)
    return {
        "x-ratelimit-limit-requests": str(limits.requests_per_minute),
        "x-ratelimit-remaining-requests": str(max(0, limits.requests_per_minute - requests)),
        "x-ratelimit-reset-requests": _moment(clock, waits[0]),
        "x-ratelimit-limit-tokens": str(limits.tokens_per_minute),
        "x-ratelimit-remaining-tokens": str(max(0, limits.tokens_per_minute - tokens)),
        "x-ratelimit-reset-tokens": _moment(clock, waits[1]),
    }


def forget_all() -> None:
    """Start over (a test's wish)."""
    with _lock:
        _keys.clear()


def _moment(clock: datetime, wait: float) -> str:
    moment = clock + timedelta(seconds=wait)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _windows(key_id: str, now: float) -> _Windows:
    found = _keys.get(key_id)
    if found is None:
        if len(_keys) >= _prune_at:
            _prune(now)
        found = _keys[key_id] = _Windows()
    return found


def _prune(now: float) -> None:
    """Drop idle keys; the next time only after as many new ones again, so a call stays O(1)."""
    global _prune_at  # noqa: PLW0603 - guarded by _lock, like all of this module's state
    for key_id, windows in list(_keys.items()):
        windows.requests.forget(now)
        windows.tokens.forget(now)
        if not windows.requests.taken and not windows.tokens.taken:
            del _keys[key_id]
    _prune_at = max(_FEW_KEYS, 2 * len(_keys))
