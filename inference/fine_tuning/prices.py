"""What a trained token costs where nobody has set it: ten times the base's price of input."""

from typing import Final

from django.db import connection

_OURS: Final = "ten times "


def ensure(model: str) -> None:
    """Give a model a training price, if only a standard one is in force.

    A later standard price is followed by a later one of ours; what a person has set for training
    stays. A model without any price keeps none, and is not trained.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ENSURE, {"model": model, "ours": _OURS})


_ENSURE: Final = """
    INSERT INTO billing_price
           (id, model, tier, input, cached_input, output, effective_from, created_by, created_at)
    SELECT 'price_' || replace(gen_random_uuid()::text, '-', ''), standard.model, 'training',
           least(standard.input * 10, 1000000000), least(standard.input * 10, 1000000000), 0,
           now(), %(ours)s || standard.id, now()
      FROM (SELECT * FROM billing_price
             WHERE model = %(model)s AND tier = 'standard' AND effective_from <= now()
             ORDER BY effective_from DESC LIMIT 1) AS standard
      LEFT JOIN LATERAL (
           SELECT created_by FROM billing_price
            WHERE model = standard.model AND tier = 'training' AND effective_from <= now()
            ORDER BY effective_from DESC LIMIT 1) AS training ON true
     WHERE training.created_by IS NULL
        OR (starts_with(training.created_by, %(ours)s)
            AND training.created_by <> %(ours)s || standard.id)
    ON CONFLICT (model, tier, effective_from) DO NOTHING
"""
