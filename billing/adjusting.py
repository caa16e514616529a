"""Corrections of the book, each a new journal that points to the original."""

from django.db import transaction
from django.db.models import Q, Sum
from django.db.models.functions import Now

from accounts.models import AuditEntry, Organisation
from api.errors import InvalidRequest
from billing.accounts import customer_account
from billing.models import Account, Entry, Journal
from billing.posting import Movement, post
from billing.pricing import usd

Kind = Account.Kind
_COUNTERPART = {
    Journal.Kind.CHARGE: Kind.REVENUE,
    Journal.Kind.TOP_UP: Kind.CLEARING,
    Journal.Kind.PROMO: Kind.PROMO,
}


@transaction.atomic
def refund(original: Journal, nano: int, ref: str, *, actor: str, note: str = "") -> Journal:
    """Give back `nano` of a charge, or pay out `nano` of a top-up; the same ref counts once.

    Raises InvalidRequest beyond what is left of the original, InsufficientBalance for a top-up
    that has been spent.
    """
    original = Journal.objects.select_for_update().get(pk=original.pk)
    if original.kind not in _COUNTERPART:
        raise InvalidRequest("Only charges, top-ups and credit can be refunded.")
    known = Journal.objects.filter(kind=Journal.Kind.REFUND, ref=ref).first()
    if known is None and not 0 < nano <= _left_of(original):
        raise InvalidRequest(f"At most ${usd(_left_of(original))} of {original.id} is left.")
    signed = nano if original.kind == Journal.Kind.CHARGE else -nano
    return _correct(
        Movement(
            organisation_id=original.organisation_id,
            kind=Journal.Kind.REFUND,
            ref=ref,
            legs={Kind.CUSTOMER: signed, _COUNTERPART[Journal.Kind(original.kind)]: -signed},
            actor=actor,
            note=note,
            original=original,
        )
    )


def adjust(
    organisation: Organisation,
    nano: int,
    ref: str,
    *,
    actor: str,
    note: str,
    original: Journal | None = None,
) -> Journal:
    """Change a balance by a signed amount at our cost (or gain); never below zero."""
    if nano == 0:
        raise InvalidRequest("An adjustment moves money: its amount is not zero.", param="amount")
    return _correct(
        Movement(
            organisation_id=organisation.id,
            kind=Journal.Kind.ADJUSTMENT,
            ref=ref,
            legs={Kind.CUSTOMER: nano, Kind.WRITEOFF: -nano},
            actor=actor,
            note=note,
            original=original,
        )
    )


@transaction.atomic
def charge_back(top_up: Journal, ref: str, *, actor: str = "system", note: str = "") -> Journal:
    """A payer's bank took the money back: take what is left of it, write off the rest.

    When something had to be written off the organisation is suspended. The same ref counts once.
    """
    journal, covered = _taken_back(top_up, Journal.Kind.CHARGEBACK, ref, None, actor, note)
    if not covered:
        _suspend(top_up.organisation_id)
    return journal


@transaction.atomic
def paid_back(top_up: Journal, nano: int, ref: str, *, actor: str = "system") -> Journal:
    """`nano` of a top-up were given back to its payer where it was paid; what has been spent
    meanwhile is written off, since it was we who gave it. The same ref counts once."""
    return _taken_back(
        top_up, Journal.Kind.REFUND, ref, nano, actor, "Refunded by the payment provider"
    )[0]


@transaction.atomic
def undo(taken: Journal, *, actor: str = "system", note: str = "") -> Journal:
    """What `charge_back` or `paid_back` took comes back, with what was collected for it since;
    once."""
    moved = Entry.objects.filter(Q(journal=taken) | Q(journal__original=taken))
    sums = moved.values_list("account__kind").annotate(total=Sum("amount"))
    return _correct(
        Movement(
            organisation_id=taken.organisation_id,
            kind=Journal.Kind.REFUND,
            ref=f"{taken.ref}:undone",
            legs={Kind(kind): -total for kind, total in sums},
            actor=actor,
            note=note,
            original=taken.original,
        )
    )


def _taken_back(
    top_up: Journal, kind: Journal.Kind, ref: str, nano: int | None, actor: str, note: str
) -> tuple[Journal, bool]:
    """`nano` None: all that is left. Also whether the balance covered it."""
    if top_up.kind != Journal.Kind.TOP_UP:
        raise InvalidRequest("Only a top-up can be taken back.")
    top_up = Journal.objects.select_for_update().get(pk=top_up.pk)
    if known := Journal.objects.filter(kind=kind, ref=ref).first():
        return known, True
    left = _left_of(top_up)
    amount = left if nano is None else min(nano, left)
    account = customer_account(top_up.organisation_id)
    customer = Account.objects.select_for_update().get(pk=account.pk)
    covered = min(amount, max(0, customer.available))
    movement = Movement(
        organisation_id=top_up.organisation_id,
        kind=kind,
        ref=ref,
        legs={Kind.CUSTOMER: -covered, Kind.WRITEOFF: covered - amount, Kind.CLEARING: amount},
        actor=actor,
        note=note,
        original=top_up,
    )
    return _correct(movement), covered == amount


def _suspend(organisation_id: str) -> None:
    Organisation.objects.filter(pk=organisation_id, suspended_at=None).update(suspended_at=Now())


def _left_of(original: Journal) -> int:
    """Nano-dollars of a movement that no correction has taken back yet."""
    legs = Entry.objects.filter(
        account__kind=_COUNTERPART[Journal.Kind(original.kind)], journal__in=_family(original)
    )
    return abs(int(legs.aggregate(total=Sum("amount"))["total"] or 0))


def _family(original: Journal) -> list[Journal]:
    return [original, *original.corrections.exclude(kind=Journal.Kind.ADJUSTMENT)]


def _correct(movement: Movement) -> Journal:
    journal, fresh = post(movement)
    if fresh:
        AuditEntry.objects.create(
            organisation_id=movement.organisation_id,
            actor=movement.actor,
            action=f"ledger.{movement.kind}",
            target=journal.id,
            after={kind: usd(nano) for kind, nano in movement.legs.items()},
        )
    return journal
