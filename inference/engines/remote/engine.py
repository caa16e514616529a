"""The remote engine: counts what it can, asks the replica with least to do, moves on if it must."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, cast

from inference.engines.base import (
    ContextTooLong,
    Delta,
    EngineInfo,
    EngineUnavailable,
    GenerationRequest,
    Prepared,
)
from inference.engines.generating import OnlyGenerates
from inference.engines.remote import asking, counting, refusals
from inference.engines.remote.address import RemoteAddress
from inference.engines.remote.answer import Answer
from inference.engines.remote.checking import answers
from inference.engines.remote.connections import Connections
from inference.engines.remote.counting import Count
from inference.engines.remote.stream import Stream
from inference.engines.remote.tokenizing import tokenized
from inference.engines.replicas import Fault, Replica, Replicas

FIRST_BYTE_SECONDS: Final = 20.0  # then another replica is asked, if there is one
PREPARED_SECONDS: Final = 60.0  # between `prepare` and `generate`, as in the local engine
logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Counted(Prepared):
    count: Count


class RemoteEngine(OnlyGenerates):
    """Of one event loop. Nobody is asked twice for one answer, and nobody else once it has begun.

    It cannot count prompts, so `prepare` holds the most that they can have, and each delta tells
    what is owed; with `count=tokenize` both are exact.
    """

    def __init__(self, address: RemoteAddress, context_window: int) -> None:
        self.serves = str(address), context_window
        self._address = address
        self._context_window = context_window
        self.connections = Connections(_headers(address))
        self.replicas = Replicas(address.urls, partial(answers, self.connections))

    async def prepare(self, request: GenerationRequest) -> Prepared:
        asking.refuse_unknown(request)
        count = counting.estimate(request)
        if self._address.tokenize and not isinstance(request.prompt, tuple):
            count = await self._tokenized(request)
        room = self._context_window - count.least
        if room < 1:
            raise ContextTooLong(
                f"This model's context window is {self._context_window:,} tokens, but the prompt "
                f"has {count.least:,} at least. Shorten the prompt."
            )
        count = Count(count.least, min(count.most, self._context_window))
        return _Counted(request, count.most, room, count)

    async def generate(self, prepared: Prepared, max_tokens: int) -> AsyncIterator[Sequence[Delta]]:
        stream = await self._begin(cast("_Counted", prepared), max_tokens)
        try:
            async for batch in stream.rest():
                yield batch
            stream.replica.succeeded()
        except Fault as fault:
            self.replicas.note(stream.replica, fault)
            raise fault.error from fault
        finally:
            stream.close()

    async def _begin(self, prepared: _Counted, max_tokens: int) -> Stream:
        """The stream of the first replica that says something."""
        path = asking.path(prepared.request)
        body = asking.body(prepared.request, self._address, max_tokens)
        by_pieces = self._address.usage_by_pieces

        async def begin(replica: Replica, last: bool) -> Stream:
            answer = Answer(prepared.request, prepared.count, max_tokens, by_pieces=by_pieces)
            stream = Stream(self.connections, replica, answer)
            await stream.open(path, body, None if last else FIRST_BYTE_SECONDS)
            return stream

        return await self.replicas.first(begin)

    async def _tokenized(self, request: GenerationRequest) -> Count:
        for replica in self.replicas.in_turn():
            try:
                exact = await tokenized(self.connections, replica.address, self._address, request)
            except Fault as fault:
                if not fault.moves:
                    raise fault.error from fault
                continue
            return Count(exact, exact)
        raise EngineUnavailable(refusals.AWAY)

    async def info(self) -> EngineInfo:
        """Raises EngineUnavailable."""
        for replica in self.replicas.all:
            if await self.replicas.answers(replica):
                name = self._address.model or ""
                return EngineInfo(name, self._context_window, 0, 0, "unknown", "remote")
        raise EngineUnavailable(refusals.AWAY)

    async def retire(self) -> None:
        """Nobody asks it any more: what was prepared may begin, what runs may end; then close."""
        await asyncio.sleep(PREPARED_SECONDS)
        await self.replicas.idle()
        await self.close()

    async def close(self) -> None:
        await self.replicas.close()
        self.connections.close()


def _headers(address: RemoteAddress) -> dict[str, str]:
    headers = {"accept-encoding": "identity"}
    if address.key_env:
        if not (key := os.environ.get(address.key_env)):
            logger.error("remote_key_missing", extra={"variable": address.key_env})
            raise EngineUnavailable("The key of this model's server is missing.")
        headers["authorization"] = f"Bearer {key}"
    return headers
