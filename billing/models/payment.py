"""A payment that was begun: what is to be paid, by which provider, and what became of it."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q

from accounts.models import Organisation
from api import ids
from billing.models.top_up import TopUp


def new_payment_id() -> str:
    return ids.new("pay")


class PaymentQuerySet(models.QuerySet["Payment"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)


class Payment(models.Model):
    class State(models.TextChoices):
        OPEN = "open"
        PAID = "paid"
        EXPIRED = "expired"
        FAILED = "failed"  # the card was declined: nothing was paid
        REFUSED = "refused"  # what was paid is not what was asked: a person must look

    id = models.CharField(primary_key=True, max_length=40, default=new_payment_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="payments"
    )
    provider = models.CharField(max_length=12, choices=TopUp.Provider.choices)
    provider_ref = models.CharField(
        max_length=255, blank=True, help_text="The provider's own name for the checkout."
    )
    checkout_url = models.CharField(max_length=2000, blank=True)
    amount = models.BigIntegerField(help_text="Nano-dollars.")
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    begun_by = models.CharField(max_length=40, help_text="A user's or key's id.")
    return_url = models.CharField(
        max_length=500, blank=True, help_text="Where the payer goes afterwards."
    )
    saves_card = models.BooleanField(default=False, help_text="For automatic top-ups later.")
    automatic = models.BooleanField(default=False, help_text="By the saved card, nobody present.")
    card_last4 = models.CharField(
        max_length=4, blank=True, default="", db_default="",
        help_text="Of the card's number, where the provider told.",
    )  # fmt: skip
    top_up = models.OneToOneField(
        TopUp, on_delete=models.PROTECT, related_name="payment", null=True, db_constraint=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Payment"]] = PaymentQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="payment_is_positive"),
            models.CheckConstraint(
                condition=~Q(state="paid") | Q(top_up__isnull=False), name="paid_is_credited"
            ),
            models.UniqueConstraint(
                fields=["organisation"],
                condition=Q(automatic=True, state="open"),
                name="one_automatic_payment_at_a_time",
            ),
        ]
        indexes = [models.Index(fields=["organisation", "-created_at"], name="payments_listing")]

    def __str__(self) -> str:
        return f"{self.id} by {self.provider} ({self.state})"
