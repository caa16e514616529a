"""Several prompts of one call, generated side by side, as one stream of batches."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from inference.engines.base import Delta, Engine, Prepared


def stream(
    engine: Engine, prepared: Sequence[Prepared], max_output: int
) -> AsyncIterator[Sequence[Delta]]:
    """The batches of all prompts; a choice's index is its prompt's place times n, plus its own."""
    if len(prepared) == 1:
        return engine.generate(prepared[0], min(max_output, prepared[0].max_output))
    return _merged(engine, prepared, max_output)


async def _merged(
    engine: Engine, prepared: Sequence[Prepared], max_output: int
) -> AsyncIterator[Sequence[Delta]]:
    batches: asyncio.Queue[Sequence[Delta] | None] = asyncio.Queue()

    async def read(place: int, one: Prepared) -> None:
        offset = place * one.request.sampling.n
        try:
            async for batch in engine.generate(one, min(max_output, one.max_output)):
                batches.put_nowait([replace(d, index=offset + d.index) for d in batch])
        finally:
            batches.put_nowait(None)

    readers = [asyncio.create_task(read(place, one)) for place, one in enumerate(prepared)]
    try:
        for _ in readers:
            while (batch := await batches.get()) is not None:
                yield batch
        for reader in readers:
            await reader
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
