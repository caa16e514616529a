"""Prices of the catalog are dated: the newest that has begun counts, and none is written twice."""

from datetime import timedelta

import pytest
from django.utils import timezone

from billing.models import Price as PriceRow
from billing.pricing import Price
from inference import prices

pytestmark = pytest.mark.django_db


def test_the_newest_price_that_has_begun_is_in_force() -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    for paid in (10, 20):
        PriceRow.objects.create(model="m", input=paid, cached_input=1, output=2)
    PriceRow.objects.create(model="m", input=30, cached_input=1, output=2, effective_from=tomorrow)
    PriceRow.objects.create(model="m", tier="batch", input=5, cached_input=5, output=5)

    assert prices.in_force(["m", "other"]) == {"m": Price(20, 1, 2)}


def test_the_same_price_is_not_written_again() -> None:
    for output in (2, 2, 3):
        prices.set_price("m", Price(1, 1, output))

    assert PriceRow.objects.filter(model="m").count() == 2
    assert prices.in_force(["m"]) == {"m": Price(1, 1, 3)}
