"""Money added: top-ups by a payment provider, and codes that can be redeemed for credit."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from accounts.models import Organisation
from api import ids
from billing.models.journal import Journal


def new_top_up_id() -> str:
    return ids.new("top")


def new_code_id() -> str:
    return ids.new("code")


class TopUpQuerySet(models.QuerySet["TopUp"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)


class TopUp(models.Model):
    """One payment that arrived. `ref` is its payer's or provider's own name for it."""

    class Provider(models.TextChoices):
        FAKE = "fake", "Test payment: no money moved"  # development only
        MANUAL = "manual", "Credited by an administrator"
        CREDIT_CODE = "credit_code", "Credit code"
        STRIPE = "stripe", "Card payment"
        STARTER = "starter", "Starter credit"

    id = models.CharField(primary_key=True, max_length=40, default=new_top_up_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="top_ups", db_constraint=False
    )
    journal = models.OneToOneField(
        Journal, on_delete=models.PROTECT, related_name="top_up", db_constraint=False
    )
    provider = models.CharField(max_length=12, choices=Provider.choices)
    ref = models.CharField(max_length=255)
    amount = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["TopUp"]] = TopUpQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "provider", "ref"], name="each_payment_once"
            ),
            models.CheckConstraint(condition=Q(amount__gt=0), name="top_up_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.ref}"


class CreditCode(models.Model):
    """A code worth money once. Only its digest is stored."""

    id = models.CharField(primary_key=True, max_length=40, default=new_code_id, editable=False)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    amount = models.BigIntegerField()
    note = models.CharField(max_length=300, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    redeemed_by = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", null=True, editable=False
    )
    redeemed_at = models.DateTimeField(null=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="credit_is_positive"),
            models.CheckConstraint(
                condition=Q(redeemed_by=None, redeemed_at=None)
                | Q(redeemed_by__isnull=False, redeemed_at__isnull=False),
                name="redemption_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({'redeemed' if self.redeemed_at else 'open'})"
