"""A ledger account: the prepaid balance of an organisation, or the other side of its movements."""

from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from accounts.models import Organisation


class AccountQuerySet(models.QuerySet["Account"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)


class Account(models.Model):
    """Five of these for each organisation, so that the entries of each tenant sum to zero.

    Only `customer` carries amounts: its balance is available + held. The other four are never
    updated; their balance is the sum of their entries.
    """

    class Kind(models.TextChoices):
        CUSTOMER = "customer"
        REVENUE = "revenue"
        PROMO = "promo"
        CLEARING = "clearing"
        WRITEOFF = "writeoff"

    id = models.BigAutoField(primary_key=True)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="ledger_accounts"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices)
    currency = models.CharField(max_length=3, default="USD", editable=False)
    available = models.BigIntegerField(default=0, editable=False)
    held = models.BigIntegerField(default=0, editable=False)
    overdraft = models.BigIntegerField(default=0)
    low_balance = models.BigIntegerField(
        null=True, blank=True, help_text="Nano-dollars; falling below is recorded once a crossing."
    )
    spending_cap = models.BigIntegerField(
        null=True, blank=True, help_text="Nano-dollars that a UTC month's calls may cost at most."
    )
    cap_told_at = models.DateTimeField(
        null=True, editable=False, help_text="When people heard that it is near."
    )
    cap_refused_at = models.DateTimeField(
        null=True, editable=False, help_text="The first call of a month that it refused."
    )
    cap_refusal_told_at = models.DateTimeField(null=True, editable=False)
    month_starts_at = models.DateTimeField(
        null=True, editable=False, help_text="The month that the next two are of."
    )
    month_spent = models.BigIntegerField(db_default=0, editable=False)
    month_held = models.BigIntegerField(db_default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager["Account"]] = AccountQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "kind"], name="one_account_each_kind"),
            models.UniqueConstraint(fields=["organisation", "id"], name="account_of_organisation"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=["customer", "revenue", "promo", "clearing", "writeoff"],
                    currency="USD",
                    overdraft__gte=0,
                ),
                name="account_is_known",
            ),
            models.CheckConstraint(condition=Q(held__gte=0), name="held_is_not_negative"),
            models.CheckConstraint(condition=Q(month_held__gte=0), name="month_is_sane"),
            models.CheckConstraint(
                condition=Q(spending_cap=None) | Q(spending_cap__gt=0), name="cap_is_positive"
            ),
            models.CheckConstraint(
                condition=~Q(kind="customer") | Q(available__gte=-F("overdraft")),
                name="never_below_zero",
            ),
            models.CheckConstraint(
                condition=Q(kind="customer") | Q(available=0, held=0),
                name="only_customers_carry_amounts",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} account of {self.organisation_id}"

    @property
    def balance(self) -> int:
        """Nano-dollars that belong to the organisation, promised to running calls or not."""
        return self.available + self.held

    @property
    def spent_this_month(self) -> int:
        """Nano-dollars charged for calls that were begun in this UTC month."""
        return self.month_spent if self._is_this_month else 0

    @property
    def held_this_month(self) -> int:
        return self.month_held if self._is_this_month else 0

    @property
    def was_refused_this_month(self) -> bool:
        """By the spending cap that is set now."""
        return self.cap_refused_at is not None and self.cap_refused_at >= this_month()

    @property
    def _is_this_month(self) -> bool:
        return self.month_starts_at == this_month()


def this_month() -> datetime:
    """When the running UTC month began."""
    return timezone.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)


class LowBalance(models.Model):
    """One crossing of an account's `low_balance` line; a trigger writes it, once a crossing."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="crossings")
    balance = models.BigIntegerField()
    crossed_at = models.DateTimeField()
    notified_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["account", "-crossed_at"], name="low_balance_latest")]

    def __str__(self) -> str:
        return f"{self.account_id} below its line at {self.crossed_at:%Y-%m-%d %H:%M}"
