"""What a batch costs where nobody has set a price for batches: half of the standard one, dated."""

import time
from typing import Final

from api import database

FRESH_SECONDS: Final = 1.0
_OURS: Final = "half of "


class BatchPrices:
    """Looks again at most once a second for each model."""

    def __init__(self) -> None:
        self._looked: dict[str, float] = {}

    async def ensure(self, model: str) -> None:
        """Give a model a batch price, if only a standard one is in force.

        Each figure is halved and rounded up to a whole pico-dollar a token. A later standard price
        is followed by a later half; a price that a person has set for batches stays.
        """
        if time.monotonic() - self._looked.get(model, -FRESH_SECONDS) < FRESH_SECONDS:
            return
        async with database.connection() as connection:
            await connection.execute(_ENSURE, {"model": model, "ours": _OURS})
        self._looked[model] = time.monotonic()


_ENSURE: Final = """
    INSERT INTO billing_price
           (id, model, tier, input, cached_input, output, effective_from, created_by, created_at)
    SELECT 'price_' || replace(gen_random_uuid()::text, '-', ''), standard.model, 'batch',
           (standard.input + 1) / 2, (standard.cached_input + 1) / 2, (standard.output + 1) / 2,
           now(), %(ours)s || standard.id, now()
      FROM (SELECT * FROM billing_price
             WHERE model = %(model)s AND tier = 'standard' AND effective_from <= now()
             ORDER BY effective_from DESC LIMIT 1) AS standard
      LEFT JOIN LATERAL (
           SELECT created_by FROM billing_price
            WHERE model = standard.model AND tier = 'batch' AND effective_from <= now()
            ORDER BY effective_from DESC LIMIT 1) AS batch ON true
     WHERE batch.created_by IS NULL
        OR (starts_with(batch.created_by, %(ours)s)
            AND batch.created_by <> %(ours)s || standard.id)
    ON CONFLICT (model, tier, effective_from) DO NOTHING
"""
