"""Django's door: as many requests at once as it has connections to Postgres; others wait a turn.

Without it each request is a thread of its own, and hundreds wait for sixteen connections until
they are told that there is no database.
"""

import asyncio
import time
from asyncio import Future
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias, cast

from asgiref.sync import iscoroutinefunction, sync_to_async
from csp.middleware import CSPMiddleware
from django.conf import settings
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.decorators import sync_and_async_middleware

from api import addresses, exception_handler
from api.errors import ServerOverloaded
from api.languages import PagesAreTranslated

Answering: TypeAlias = Callable[[HttpRequest], Awaitable[HttpResponseBase]]

MOST_WAITING: Final = 500
LONGEST_WAIT: Final = 15.0  # seconds
OVERLOADED: Final = "Too many requests wait for their turn already. Try again in a moment."
_WEIGHT: Final = 0.05  # of the last turn in the mean of all


class Turns:
    """Of one event loop. Callers come by turns, each with the oldest of their requests: hundreds of
    one do not hold up the single one of another, and make room for it where no more may wait."""

    def __init__(
        self, places: int, most: int = MOST_WAITING, longest: float = LONGEST_WAIT
    ) -> None:
        self._places, self._most, self._longest = places, most, longest
        self._busy = 0
        self._mean = 0.0  # seconds of a turn
        self._lines: dict[str, deque[Future[None]]] = {}  # who waits, by caller; the next one first

    @property
    def waiting(self) -> int:
        return sum(map(len, self._lines.values()))

    @asynccontextmanager
    async def turn(self, caller: str) -> AsyncIterator[None]:
        """Raises ServerOverloaded: too many wait, or it would be too long."""
        if self._busy < self._places:
            self._busy += 1
        else:
            await self._handed_on(caller)
        began = time.monotonic()
        try:
            yield
        finally:
            self._mean += (time.monotonic() - began - self._mean) * _WEIGHT
            self._hand_on()

    async def _handed_on(self, caller: str) -> None:
        self._make_room(caller)
        place: Future[None] = asyncio.get_running_loop().create_future()
        self._lines.setdefault(caller, deque()).append(place)
        try:
            async with asyncio.timeout(self._longest):
                await place
        except (TimeoutError, asyncio.CancelledError) as error:
            if place.cancelled():
                self._forget(caller, place)
            elif place.exception() is None:  # it came in the moment in which we left
                self._hand_on()
            if isinstance(error, TimeoutError):
                raise self._overloaded() from error
            raise

    def _make_room(self, caller: str) -> None:
        if self.waiting < self._most:
            return
        longest = max(self._lines.values(), key=len, default=deque[Future[None]]())
        if len(longest) <= len(self._lines.get(caller, ())) + 1:
            raise self._overloaded()
        if not (newest := longest.pop()).done():
            newest.set_exception(self._overloaded())

    def _hand_on(self) -> None:
        while self._lines:
            caller, line = next(iter(self._lines.items()))
            place = line.popleft()
            del self._lines[caller]
            if line:
                self._lines[caller] = line  # behind all others
            if not place.done():
                place.set_result(None)
                return
        self._busy -= 1

    def _forget(self, caller: str, place: "Future[None]") -> None:
        line = self._lines.get(caller, deque())
        if place in line:
            line.remove(place)
            if not line:
                del self._lines[caller]

    def _overloaded(self) -> ServerOverloaded:
        """After so long all who wait now have had their turn."""
        seconds = self.waiting * self._mean / self._places
        return ServerOverloaded(OVERLOADED, retry_after=max(1.0, seconds))


@sync_and_async_middleware
def middleware(answer: Any) -> Any:
    """Django middleware of the web process; where requests are answered without an event loop, as
    by Django's test client, it is not there."""
    return _by_turns(answer) if iscoroutinefunction(answer) else answer


def _by_turns(answer: Answering) -> Answering:
    turns = Turns(settings.DATABASE_POOL_SIZE)

    async def in_turn(request: HttpRequest) -> HttpResponseBase:
        try:
            async with turns.turn(_caller(request)):
                answered = await answer(request)
                # Whoever reads the answer slowly keeps neither the place nor its connection.
                await sync_to_async(close_old_connections)()
                return answered
        except ServerOverloaded as error:
            return _refused(request, error)

    return in_turn


def _refused(request: HttpRequest, error: ServerOverloaded) -> HttpResponseBase:
    """With what the middleware behind this one would have given it, but without a thread."""

    def answer(_request: HttpRequest) -> HttpResponse:
        return exception_handler.overloaded(request, error)

    return cast(HttpResponseBase, CSPMiddleware(PagesAreTranslated(answer))(request))


def _caller(request: HttpRequest) -> str:
    """By the key or the session that is shown, which nobody has checked yet; else by address."""
    return (
        request.headers.get("Authorization")
        or request.COOKIES.get(settings.SESSION_COOKIE_NAME)
        or addresses.of_request(request)
        or ""
    )
