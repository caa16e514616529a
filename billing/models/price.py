"""Dated prices: what a token of a model costs from a moment on; never changed, only followed."""

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from api import ids

MOST_PICO = 1_000_000_000  # $1,000 per million tokens: keeps every product inside 64 bits


def new_price_id() -> str:
    return ids.new("price")


class Price(models.Model):
    """Pico-dollars per token ($1 per million = 1,000,000). The newest not in the future counts."""

    class Tier(models.TextChoices):
        STANDARD = "standard"
        BATCH = "batch"
        TRAINING = "training"

    id = models.CharField(primary_key=True, max_length=40, default=new_price_id, editable=False)
    model = models.CharField(max_length=200)
    tier = models.CharField(max_length=8, choices=Tier.choices, default=Tier.STANDARD)
    input = models.BigIntegerField()
    cached_input = models.BigIntegerField()
    output = models.BigIntegerField()
    effective_from = models.DateTimeField(db_default=Now())
    created_by = models.CharField(max_length=254, default="system")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["model", "tier", "-effective_from"]
        constraints = [
            models.UniqueConstraint(
                fields=["model", "tier", "effective_from"], name="one_price_each_moment"
            ),
            models.CheckConstraint(
                condition=Q(
                    tier__in=["standard", "batch", "training"],
                    input__range=(0, MOST_PICO),
                    output__range=(0, MOST_PICO),
                    cached_input__gte=0,
                    cached_input__lte=F("input"),  # or a charge could pass its hold
                ),
                name="price_is_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.model} ({self.tier}) from {self.effective_from:%Y-%m-%d %H:%M}"
