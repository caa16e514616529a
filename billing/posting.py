"""Writing a movement into the book: top-ups, refunds, adjustments (charges: billing.ledger)."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction
from django.db.models import F

from api.errors import InsufficientBalance
from billing.accounts import customer_account
from billing.models import Account, Entry, Journal
from billing.pricing import usd


@dataclass(frozen=True, slots=True)
class Movement:
    """`legs`: signed nano-dollars by account kind, together zero. (kind, ref) happens once."""

    organisation_id: str
    kind: Journal.Kind
    ref: str
    legs: Mapping[Account.Kind, int]
    actor: str = "system"
    note: str = ""
    original: Journal | None = None


@transaction.atomic
def post(movement: Movement) -> tuple[Journal, bool]:
    """The movement's journal, and whether this call wrote it.

    Raises InsufficientBalance when the customer's leg would take more than can be spent now.
    """
    account = customer_account(movement.organisation_id)
    journal, fresh = Journal.objects.get_or_create(
        kind=movement.kind,
        ref=movement.ref,
        defaults={
            "organisation_id": movement.organisation_id,
            "actor": movement.actor,
            "note": movement.note,
            "original": movement.original,
        },
    )
    if fresh:
        balance = _move(account, movement.legs.get(Account.Kind.CUSTOMER, 0))
        _write_entries(journal, movement.legs, balance)
    return journal, fresh


def _move(account: Account, amount: int) -> int:
    """Change what the customer can spend, in one conditional statement; the new balance."""
    moved = Account.objects.filter(
        pk=account.pk, available__gte=-amount - F("overdraft") if amount < 0 else F("available")
    ).update(available=F("available") + amount)
    if not moved:
        raise InsufficientBalance(f"The balance does not cover ${usd(-amount)}.")
    account.refresh_from_db()
    return account.balance


def _write_entries(journal: Journal, legs: Mapping[Account.Kind, int], balance: int) -> None:
    account_of = dict(
        Account.objects.for_organisation(journal.organisation_id).values_list("kind", "pk")
    )
    Entry.objects.bulk_create(
        Entry(
            organisation_id=journal.organisation_id,
            journal=journal,
            account_id=account_of[kind],
            amount=amount,
            balance_after=balance if kind == Account.Kind.CUSTOMER else None,
        )
        for kind, amount in legs.items()
        if amount
    )
