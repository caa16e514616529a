"""A hold: the money and the story of one call, from its reservation to its charge."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import F, Q

from accounts.models import APIKey, Organisation
from billing.models.account import Account
from billing.models.budget import BudgetWindow
from billing.models.price import Price


class HoldQuerySet(models.QuerySet["Hold"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)

    def open(self) -> Self:
        return self.filter(state=Hold.State.OPEN)


class Hold(models.Model):
    """Written by the functions in billing/sql alone. Its id is the generation's (`gen_…`)."""

    class State(models.TextChoices):
        OPEN = "open"
        SETTLED = "settled"  # charged for what was delivered
        VOIDED = "voided"  # the engine failed before the first token: free
        EXPIRED = "expired"  # its process died: swept at the last checkpoint

    id = models.CharField(primary_key=True, max_length=40)
    organisation = models.ForeignKey(
        Organisation,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="holds", db_constraint=False, db_index=False
    )
    key = models.ForeignKey(
        APIKey, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False,
        null=True,
    )  # fmt: skip
    window = models.ForeignKey(
        BudgetWindow, on_delete=models.PROTECT, related_name="+", db_constraint=False,
        db_index=False, null=True,
    )  # fmt: skip
    chatbot_id = models.CharField(max_length=40, null=True)  # noqa: DJ001 - null: no chatbot
    model = models.CharField(max_length=200)
    price = models.ForeignKey(Price, on_delete=models.PROTECT, related_name="+", db_index=False)

    amount = models.BigIntegerField()
    charged = models.BigIntegerField(default=0)
    forgiven = models.BigIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)

    max_output = models.IntegerField(help_text="Tokens that each choice may have.")
    choices = models.IntegerField()
    prompt_tokens = models.IntegerField()
    cached_tokens = models.IntegerField(default=0)
    completion_tokens = models.IntegerField(default=0)
    finish_reason = models.CharField(max_length=20, null=True)  # noqa: DJ001 - null: not finished
    first_token_ms = models.IntegerField(null=True)
    duration_ms = models.IntegerField(null=True)

    lease_until = models.DateTimeField()
    created_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Hold"]] = HoldQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="hold_of_organisation"),
            models.CheckConstraint(
                condition=Q(
                    amount__gte=0, charged__gte=0, charged__lte=F("amount"), forgiven__gte=0
                ),
                name="charge_within_hold",
            ),
            models.CheckConstraint(
                condition=Q(state="open", closed_at=None, charged=0)
                | Q(state="voided", closed_at__isnull=False, charged=0)
                | Q(state__in=["settled", "expired"], closed_at__isnull=False),
                name="hold_state_is_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["lease_until"], condition=Q(state="open"), name="open_by_lease"),
            models.Index(fields=["account"], condition=Q(state="open"), name="open_by_account"),
            models.Index(
                fields=["organisation", "closed_at"],
                condition=Q(closed_at__isnull=False),
                name="hold_usage",
            ),
            models.Index(
                fields=["organisation", "closed_at"],
                condition=Q(state__in=["voided", "expired"]),
                name="hold_failures",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.state})"

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    @property
    def still_held(self) -> int:
        return self.amount if self.state == self.State.OPEN else 0
