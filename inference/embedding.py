"""Vectors for texts, paid for: what other apps ask for, with an organisation or a key's caller."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from accounts.authentication import Caller
from api import database
from billing import ledger
from inference import reading
from inference.catalog import CatalogEntry
from inference.engines import registry
from inference.engines.base import Embedded, Text
from inference.reading import Finish, Order

CAPABILITY = "embeddings"


@dataclass(frozen=True, slots=True)
class Embeddings:
    """A vector for each text, in their order; what that took; the call's id in the ledger."""

    id: str
    vectors: "list[array[float]]"
    tokens: int
    cost: int  # nano-dollars


async def embed(
    payer: Caller | str,
    entry: CatalogEntry,
    texts: Sequence[Text],
    *,
    dimensions: int | None = None,
    tier: str = "standard",
    finish: Finish | None = None,
) -> Embeddings:
    """Hold, embed, settle. At most 2,048 texts and 300,000 tokens at once (`engines.texts`).

    `payer` is a caller, whose limits and budget count, or an organisation's id. Raises ApiError;
    then nothing was charged. Cancelling it stops the work, free of charge. `finish` keeps the
    vectors in the transaction that charges for them: what it raises makes them free.
    """
    asked = Order(payer, entry, texts, dimensions=dimensions, tier=tier, finish=finish)
    paid = reading.start(asked)
    try:
        await paid.finished()
    finally:
        paid.abandon()  # changes nothing once it is finished
    if paid.failure:
        raise paid.failure
    result = cast("Embedded", paid.result)
    return Embeddings(asked.id, result.vectors, result.tokens, paid.cost)


async def close() -> None:
    """What this event loop opened: the last act of a loop that only embeds."""
    await reading.drain()
    await ledger.drain()
    await registry.close()
    await database.close()
