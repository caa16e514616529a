"""Topping up by itself: the card that an organisation left with its provider, and when it pays."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Now

from accounts.models import Organisation
from billing.models.account import Account
from billing.models.payment import Payment
from billing.models.top_up import TopUp


class AutoTopUpQuerySet(models.QuerySet["AutoTopUp"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)

    def wanted(self) -> Self:
        """Those that are on, and whose balance is below their line."""
        low = Account.objects.filter(
            kind=Account.Kind.CUSTOMER,
            organisation=OuterRef("organisation"),
            available__lt=OuterRef("below") - F("held"),
        )
        return self.filter(Exists(low), is_on=True, organisation__suspended_at=None)

    def due(self) -> Self:
        """Those that are wanted, or whose last payment's fate is not known."""
        unknown = Payment.objects.filter(
            organisation=OuterRef("organisation"), automatic=True, state=Payment.State.OPEN
        )
        rested = Q(next_try_at=None) | Q(next_try_at__lte=Now())
        wanted = AutoTopUp.objects.all().wanted()
        return self.filter(rested, Q(pk__in=wanted) | Exists(unknown))


class AutoTopUp(models.Model):
    """Amounts are nano-dollars. Without a card it cannot be on."""

    organisation = models.OneToOneField(
        Organisation, on_delete=models.CASCADE, primary_key=True, related_name="auto_top_up"
    )
    provider = models.CharField(max_length=12, choices=TopUp.Provider.choices)
    customer = models.CharField(max_length=255, blank=True, help_text="The provider's name of us.")
    method = models.CharField(max_length=255, blank=True, help_text="And of the card.")
    label = models.CharField(max_length=60, blank=True, help_text="The card, for people.")

    is_on = models.BooleanField(default=False)
    below = models.BigIntegerField(null=True)
    amount = models.BigIntegerField(null=True)
    most_a_month = models.BigIntegerField(null=True)

    failures = models.PositiveSmallIntegerField(default=0, help_text="In a row.")
    problem = models.CharField(max_length=300, blank=True, help_text="Of the last try, for people.")
    next_try_at = models.DateTimeField(null=True)
    capped_at = models.DateTimeField(null=True, help_text="When the month's limit was told.")

    objects: ClassVar[models.Manager["AutoTopUp"]] = AutoTopUpQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(is_on=False)
                | (
                    ~Q(method="")
                    & Q(below__isnull=False, amount__isnull=False, most_a_month__isnull=False)
                    & Q(below__gt=0, amount__gte=F("below"), most_a_month__gte=F("amount"))
                ),
                name="auto_top_up_is_whole",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} ({'on' if self.is_on else 'off'})"

    @property
    def was_stopped(self) -> bool:
        """Switched off by failures, not by a person."""
        return not self.is_on and bool(self.problem)
