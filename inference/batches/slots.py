"""How much of an engine the batches of this process may use at once, whatever their number."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from django.conf import settings


class Slots:
    """Places in a model's running batch. An engine has more, so that live calls find room."""

    def __init__(self, most: int) -> None:
        self._most = self._free = most
        self._freed = asyncio.Condition()

    @asynccontextmanager
    async def taken(self, wanted: int) -> AsyncIterator[None]:
        """Wait for `wanted` places; a request of more choices than there are takes all of them."""
        wanted = min(wanted, self._most)
        async with self._freed:
            await self._freed.wait_for(lambda: self._free >= wanted)
            self._free -= wanted
        try:
            yield
        finally:
            self._free += wanted
            async with self._freed:
                self._freed.notify_all()


class Engines:
    """The slots of every model that batches ask."""

    def __init__(self) -> None:
        self._slots: dict[str, Slots] = {}

    def slots(self, model: str) -> Slots:
        if model not in self._slots:
            self._slots[model] = Slots(settings.BATCH_LINES_AT_ONCE)
        return self._slots[model]
