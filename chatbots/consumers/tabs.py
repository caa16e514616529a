"""What one connection of a visitor tells the others: that something was asked, in which answer.

In this process, or by Redis where `REDIS_URL` is set. Only news pass here: what was said is in
Postgres, and the answer's events in the event log.
"""

import asyncio
import importlib
import weakref
from collections import defaultdict
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in a conversation; `by` is the session that asked, `replaces` the answer that it
    asks for anew."""

    conversation_id: str
    response_id: str
    by: str
    replaces: str | None = None


class Listener(Protocol):
    id: str

    def hear(self, news: Asked) -> None: ...

    def look(self) -> None:
        """News may have been missed."""


class Tabs:
    """The open sessions of one event loop, by conversation."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = defaultdict(set)

    def follow(self, conversation_id: str, listener: Listener) -> None:
        self._listeners[conversation_id].add(listener)

    def leave(self, conversation_id: str, listener: Listener) -> None:
        listeners = self._listeners[conversation_id]
        listeners.discard(listener)
        if not listeners:
            del self._listeners[conversation_id]

    async def tell(self, news: Asked) -> None:
        self.pass_on(news)

    def pass_on(self, news: Asked) -> None:
        for listener in list(self._listeners.get(news.conversation_id, ())):
            if listener.id != news.by:
                listener.hear(news)

    def look(self) -> None:
        for listener in {one for listeners in self._listeners.values() for one in listeners}:
            listener.look()

    async def close(self) -> None:
        self._listeners.clear()


_of_loop: "weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Tabs]" = weakref.WeakKeyDictionary()


def tabs() -> Tabs:
    """Of this event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _of_loop:
        _of_loop[loop] = _made()
    return _of_loop[loop]


async def close() -> None:
    """An event loop's last act."""
    if found := _of_loop.pop(asyncio.get_running_loop(), None):
        await found.close()


def _made() -> Tabs:
    if not settings.REDIS_URL:
        return Tabs()
    # Imported only here: who has one process needs no Redis client.
    over_redis: Tabs = importlib.import_module("chatbots.consumers.redis_tabs").connect(
        settings.REDIS_URL
    )
    return over_redis
