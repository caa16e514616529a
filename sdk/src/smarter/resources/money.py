"""Balance, usage, ledger, top-ups, prices, and what a single call cost."""

from collections.abc import Sequence
from datetime import date

from openai import AsyncOpenAI, OpenAI, RequestOptions
from openai.pagination import AsyncCursorPage, SyncCursorPage

from smarter.resources.asking import present, query, segment
from smarter.types import Balance, Generation, LedgerEntry, Price, TopUp, Usage


class Money:
    """What the organisation has, spends and pays."""

    def __init__(self, client: OpenAI) -> None:
        self._client = client

    def balance(self) -> Balance:
        return self._client.get("/balance", cast_to=Balance)

    def usage(
        self,
        *,
        group_by: Sequence[str] = ("day",),
        since: date | str | None = None,
        until: date | str | None = None,
    ) -> Usage:
        """Sums by any of day, model, key, chatbot; `until` is the first day not counted."""
        return self._client.get("/usage", cast_to=Usage, options=_period(group_by, since, until))

    def ledger(self, *, limit: int | None = None) -> SyncCursorPage[LedgerEntry]:
        return self._client.get_api_list(
            "/ledger", model=LedgerEntry, page=SyncCursorPage[LedgerEntry],
            options=query(limit=limit),
        )  # fmt: skip

    def prices(self) -> SyncCursorPage[Price]:
        return self._client.get_api_list("/prices", model=Price, page=SyncCursorPage[Price])

    def topups(self, *, limit: int | None = None) -> SyncCursorPage[TopUp]:
        return self._client.get_api_list(
            "/topups", model=TopUp, page=SyncCursorPage[TopUp], options=query(limit=limit)
        )

    def top_up(
        self, *, amount: str | None = None, ref: str | None = None, code: str | None = None
    ) -> TopUp:
        """Adds `amount` US dollars under your `ref` (counted once), or redeems a credit code."""
        given = present({"amount": amount, "ref": ref, "code": code})
        return self._client.post("/topups", cast_to=TopUp, body=given)

    def generation(self, generation_id: str) -> Generation:
        """What one call took and cost; `gen_…`, `req_…` and the answer's own id all name it."""
        return self._client.get(f"/generations/{segment(generation_id)}", cast_to=Generation)


class AsyncMoney:
    """As `Money`, to be awaited."""

    def __init__(self, client: AsyncOpenAI) -> None:
        self._client = client

    async def balance(self) -> Balance:
        return await self._client.get("/balance", cast_to=Balance)

    async def usage(
        self,
        *,
        group_by: Sequence[str] = ("day",),
        since: date | str | None = None,
        until: date | str | None = None,
    ) -> Usage:
        """Sums by any of day, model, key, chatbot; `until` is the first day not counted."""
        return await self._client.get(
            "/usage", cast_to=Usage, options=_period(group_by, since, until)
        )

    async def ledger(self, *, limit: int | None = None) -> AsyncCursorPage[LedgerEntry]:
        return await self._client.get_api_list(
            "/ledger", model=LedgerEntry, page=AsyncCursorPage[LedgerEntry],
            options=query(limit=limit),
        )  # fmt: skip

    async def prices(self) -> AsyncCursorPage[Price]:
        return await self._client.get_api_list("/prices", model=Price, page=AsyncCursorPage[Price])

    async def topups(self, *, limit: int | None = None) -> AsyncCursorPage[TopUp]:
        return await self._client.get_api_list(
            "/topups", model=TopUp, page=AsyncCursorPage[TopUp], options=query(limit=limit)
        )

    async def top_up(
        self, *, amount: str | None = None, ref: str | None = None, code: str | None = None
    ) -> TopUp:
        """Adds `amount` US dollars under your `ref` (counted once), or redeems a credit code."""
        given = present({"amount": amount, "ref": ref, "code": code})
        return await self._client.post("/topups", cast_to=TopUp, body=given)

    async def generation(self, generation_id: str) -> Generation:
        """What one call took and cost; `gen_…`, `req_…` and the answer's own id all name it."""
        return await self._client.get(f"/generations/{segment(generation_id)}", cast_to=Generation)


def _period(
    group_by: Sequence[str], since: date | str | None, until: date | str | None
) -> RequestOptions:
    return query(
        **{"group_by": ",".join(group_by), "from": since and str(since), "to": until and str(until)}
    )
