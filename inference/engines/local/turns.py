"""Who may work next where few can at once: tenants in turn, the calls of each as they came."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Of one event loop. However much of one tenant waits, another one's next call waits for one of
    its calls at most, and for those that run."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        if self._free:
            self._free -= 1
        else:
            await self._given(tenant)
        try:
            yield
        finally:
            self._pass_on()

    async def _given(self, tenant: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # it was given just now
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            tenant, calls = self._waiting.popitem(last=False)
            turn = calls.popleft()
            if calls:
                self._waiting[tenant] = calls  # behind all others
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
