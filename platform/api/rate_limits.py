"""Requests and tokens a minute for each key: an exact sliding window, in this process or in Redis.

In any 60 seconds no more than the limit is taken; what is refused costs nothing; what was taken by
estimate and not used is given back. All calls are thread-safe and cost a few microseconds; with
`REDIS_URL` all web processes share one window, and event loops ask by `atake_…`, which does not
block them. While Redis is away each process counts alone, from what it has let through itself.

`key_id` is a `Caller.meter_id`: a key and those it was rotated to share one window. What remains is
said on every answer to a key that was read; a path or a method that does not exist is refused
before anybody looks at the key, so those answers (404, 405 of the generating routes) say nothing.
"""

import time
from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from threading import Lock
from typing import Final, Literal
from uuid import uuid4

from api import sharing
from api.errors import LargerThanLimit, RateLimited
from api.shared_windows import SharedWindows
from api.windows import State, Wish

WINDOW: Final = 60.0
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    requests_per_minute: int
    tokens_per_minute: int


class Reservation:
    """A share of a window; it counts until it is 60 seconds old, or given back. `shared` is the id
    of the same share in Redis."""

    __slots__ = ("amount", "shared", "taken_at", "window")

    def __init__(self, window: "_Window", amount: int, taken_at: float) -> None:
        self.window = window
        self.amount = amount
        self.taken_at = taken_at
        self.shared: str | None = None

    def settle(self, actual: int) -> None:
        """Give back what `actual` did not use."""
        with _lock:
            if (unused := self.amount - actual) <= 0:
                return
            self.amount = actual
            self.window.used -= unused
            self.window.used_by_all -= unused
        if self.shared and (windows := shared()):
            windows.give_back(self.shared, [self.window.name], actual)

    def cancel(self) -> None:
        """Give all of it back."""
        self.settle(0)


@dataclass(slots=True)
class _Window:
    """What this process took; beside it, how Redis last said that the window of all is."""

    name: str
    used: int = 0
    taken: deque[Reservation] = field(default_factory=deque)
    used_by_all: int = 0
    empty_for_all: float = 0.0  # from then on (time.monotonic)

    def forget(self, now: float) -> None:
        """Drop what is older than the window."""
        taken = self.taken
        while taken and now - taken[0].taken_at >= WINDOW:
            old = taken.popleft()
            self.used -= old.amount
            old.amount = 0  # giving back later changes nothing

    def take(self, amount: int, limit: int, now: float) -> Reservation | None:
        self.forget(now)
        return None if self.used + amount > limit else self.add(amount, now)

    def add(self, amount: int, now: float) -> Reservation:
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

    def known(self, now: float) -> tuple[int, float]:
        """How much is used, and in how many seconds nothing will be."""
        self.forget(now)
        if now < self.empty_for_all:
            return max(self.used, self.used_by_all), self.empty_for_all - now
        return self.used, self.seconds_until_empty(now)


@dataclass(slots=True)
class _Windows:
    requests: _Window
    tokens: _Window


@dataclass(frozen=True, slots=True)
class _Ask:
    """`amount` of a key's `what` a minute, of which it may have `limit`."""

    key_id: str
    what: Literal["requests", "tokens"]
    amount: int
    limit: int

    def refusal(self, wait: float) -> RateLimited:
        if self.what == "requests":
            said = f"This key may make {self.limit:,} requests a minute."
            return RateLimited(f"{said} Try again in {wait:.1f} seconds.", retry_after=wait)
        return RateLimited(
            f"This key may use {self.limit:,} tokens a minute, and this call needs up to "
            f"{self.amount:,}. Try again in {wait:.1f} seconds, or lower max_tokens.",
            retry_after=wait,
        )


_lock = Lock()
_keys: dict[str, _Windows] = {}
_FEW_KEYS: Final = 1024
_prune_at = _FEW_KEYS


def take_request(key_id: str, limits: Limits) -> Reservation:
    """Count one request; raises RateLimited with the true time to wait."""
    return _take(_request(key_id, limits))


async def atake_request(key_id: str, limits: Limits) -> Reservation:
    """As `take_request`, in an event loop."""
    return await _atake(_request(key_id, limits))


def take_tokens(key_id: str, limits: Limits, amount: int) -> Reservation:
    """Count `amount` tokens ahead; raises RateLimited with the true time to wait."""
    return _take(_tokens(key_id, limits, amount))


async def atake_tokens(key_id: str, limits: Limits, amount: int) -> Reservation:
    """As `take_tokens`, in an event loop."""
    return await _atake(_tokens(key_id, limits, amount))


def headers(key_id: str, limits: Limits) -> dict[str, str]:
    """The six X-RateLimit-* headers; Reset is when the whole limit is free again (ISO 8601)."""
    clock = time.time()
    with _lock:
        now = time.monotonic()
        windows = _windows(key_id, now)
        requests, requests_wait = windows.requests.known(now)
        tokens, tokens_wait = windows.tokens.known(now)
    return {
        "x-ratelimit-limit-requests": str(limits.requests_per_minute),
        "x-ratelimit-remaining-requests": str(max(0, limits.requests_per_minute - requests)),
        "x-ratelimit-reset-requests": _moment(clock, requests_wait),
        "x-ratelimit-limit-tokens": str(limits.tokens_per_minute),
        "x-ratelimit-remaining-tokens": str(max(0, limits.tokens_per_minute - tokens)),
        "x-ratelimit-reset-tokens": _moment(clock, tokens_wait),
    }


def shared() -> SharedWindows | None:
    """The windows of all web processes, where there is Redis: for whoever counts something else."""
    road = sharing.road()
    return SharedWindows(road) if road else None


def forget_all() -> None:
    """Start over in this process (a test's wish)."""
    with _lock:
        _keys.clear()


def _request(key_id: str, limits: Limits) -> _Ask:
    return _Ask(key_id, "requests", 1, limits.requests_per_minute)


def _tokens(key_id: str, limits: Limits, amount: int) -> _Ask:
    limit = limits.tokens_per_minute
    if amount > limit:
        raise LargerThanLimit(
            f"This call may need {amount:,} tokens, and this key may use {limit:,} a minute. "
            "Shorten the prompt or lower max_tokens.",
            retry_after=WINDOW,
        )
    return _Ask(key_id, "tokens", amount, limit)


def _take(ask: _Ask) -> Reservation:
    if windows := shared():
        taken = uuid4().hex
        if told := windows.take(taken, [_wish(ask)]):
            return _as_told(ask, taken, told[0])
    return _take_here(ask)


async def _atake(ask: _Ask) -> Reservation:
    if windows := shared():
        taken = uuid4().hex
        if told := await windows.atake(taken, [_wish(ask)]):
            return _as_told(ask, taken, told[0])
    return _take_here(ask)


def _take_here(ask: _Ask) -> Reservation:
    with _lock:
        now = time.monotonic()
        window: _Window = getattr(_windows(ask.key_id, now), ask.what)
        if reservation := window.take(ask.amount, ask.limit, now):
            return reservation
        wait = window.seconds_until(ask.amount, ask.limit, now)
    raise ask.refusal(wait)


def _as_told(ask: _Ask, taken: str, state: State) -> Reservation:
    """Redis has decided; this process notes it, for headers and for the time without Redis."""
    with _lock:
        now = time.monotonic()
        window: _Window = getattr(_windows(ask.key_id, now), ask.what)
        window.used_by_all, window.empty_for_all = state.used, now + state.empty_in
        if not state.wait:
            window.forget(now)
            reservation = window.add(ask.amount, now)
            reservation.shared = taken
            return reservation
    raise ask.refusal(state.wait)


def _wish(ask: _Ask) -> Wish:
    return Wish(f"{ask.key_id}:{ask.what}", ask.amount, ask.limit, WINDOW)


def _moment(clock: float, wait: float) -> str:
    second, millisecond = divmod(int(1000 * (clock + wait)), 1000)
    return f"{_second(second)}.{millisecond:03}Z"


@lru_cache(maxsize=256)  # every answer tells two of these, most of them the same
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


def _windows(key_id: str, now: float) -> _Windows:
    found = _keys.get(key_id)
    if found is None:
        if len(_keys) >= _prune_at:
            _prune(now)
        windows = (_Window(f"{key_id}:{what}") for what in ("requests", "tokens"))
        found = _keys[key_id] = _Windows(*windows)
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
