"""Journals and their entries: the append-only double-entry book."""

from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Organisation
from api import ids
from billing.models.account import Account
from billing.models.hold import Hold


def new_journal_id() -> str:
    return ids.new("jrn")


class JournalQuerySet(models.QuerySet["Journal"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)


class Journal(models.Model):
    """One movement of money. (kind, ref) is unique, so every movement happens at most once."""

    class Kind(models.TextChoices):
        TOP_UP = "top_up"
        CHARGE = "charge"
        REFUND = "refund"
        ADJUSTMENT = "adjustment"
        PROMO = "promo"
        EXPIRY = "expiry"
        CHARGEBACK = "chargeback"

    id = models.CharField(primary_key=True, max_length=40, default=new_journal_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    kind = models.CharField(max_length=10, choices=Kind.choices)
    ref = models.CharField(max_length=300)
    hold = models.ForeignKey(
        Hold, on_delete=models.PROTECT, related_name="journals", db_constraint=False,
        db_index=False, null=True,
    )  # fmt: skip
    original = models.ForeignKey(
        "self", on_delete=models.PROTECT, related_name="corrections", db_constraint=False,
        db_index=False, null=True,
    )  # fmt: skip
    actor = models.CharField(max_length=254, default="system", help_text="Who moved the money.")
    note = models.CharField(max_length=300, blank=True)
    effective_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())

    objects: ClassVar[models.Manager["Journal"]] = JournalQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "ref"], name="each_movement_once"),
            models.UniqueConstraint(fields=["organisation", "id"], name="journal_of_organisation"),
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        *("top_up", "charge", "refund", "adjustment"),
                        *("promo", "expiry", "chargeback"),
                    ]
                ),
                name="journal_kind_is_known",
            ),
            models.CheckConstraint(
                condition=~Q(kind__in=["refund", "chargeback"]) | Q(original__isnull=False),
                name="corrections_name_their_original",
            ),
        ]
        indexes = [
            models.Index(
                fields=["original"], condition=Q(original__isnull=False), name="corrections"
            ),
            models.Index(
                fields=["organisation", "kind"], condition=~Q(kind="charge"), name="movements"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"


class EntryQuerySet(models.QuerySet["Entry"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)


class Entry(models.Model):
    """One leg of a journal. `balance_after` is the customer's balance; other accounts have none."""

    id = models.BigAutoField(primary_key=True)
    organisation = models.ForeignKey(
        Organisation,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    journal = models.ForeignKey(
        Journal, on_delete=models.PROTECT, related_name="entries", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="entries", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    amount = models.BigIntegerField()
    balance_after = models.BigIntegerField(null=True)

    objects: ClassVar[models.Manager["Entry"]] = EntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.UniqueConstraint(fields=["journal", "account"], name="one_leg_each_account"),
            models.CheckConstraint(condition=~Q(amount=0), name="entries_move_money"),
        ]
        indexes = [models.Index(fields=["account", "id"], name="entries_of_account")]

    def __str__(self) -> str:
        return f"{self.amount:+d} n$ on account {self.account_id}"
