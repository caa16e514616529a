"""Adding funds: payments and credit codes, each counted once however often it is told."""

import hashlib
import secrets
from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.models import AuditEntry, Organisation
from api.errors import Forbidden, IdempotencyMismatch, InvalidRequest
from billing.models import Account, CreditCode, Journal, TopUp
from billing.posting import Movement, post
from billing.pricing import usd

Provider = TopUp.Provider


@transaction.atomic
def top_up(
    organisation: Organisation,
    nano: int,
    ref: str,
    provider: TopUp.Provider = TopUp.Provider.FAKE,
    *,
    actor: str = "system",
    address: str | None = None,
) -> TopUp:
    """Credit `nano` nano-dollars; the same ref of the same provider credits once.

    Raises Forbidden (the fake provider in production), IdempotencyMismatch (the ref was used for
    another amount), InvalidRequest (not a positive amount).
    """
    if provider == Provider.FAKE and settings.PRODUCTION:
        raise Forbidden("The fake payment provider does not work in production.")
    if nano <= 0:
        raise InvalidRequest("A top-up is a positive amount.", param="amount")
    return _credit(organisation, nano, ref, provider, actor=actor, address=address)


@transaction.atomic
def redeem(
    organisation: Organisation, code: str, *, actor: str = "system", address: str | None = None
) -> TopUp:
    """Credit what a code is worth; again by the same organisation: the same top-up.

    Raises InvalidRequest when the code is unknown, expired or redeemed by somebody else.
    """
    mine = CreditCode.objects.filter(digest=_digest(code))
    mine.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), redeemed_by=None).update(
        redeemed_by=organisation, redeemed_at=Now()
    )
    row = mine.filter(redeemed_by=organisation).first()
    if row is None:
        raise InvalidRequest(_("This code is unknown, expired or already redeemed."), param="code")
    return _credit(
        organisation, row.amount, row.id, Provider.CREDIT_CODE, actor=actor, address=address
    )


def grant_starter_credit(organisation: Organisation, nano: int) -> TopUp | None:
    """What a new organisation begins with; once in its life, however often this is called."""
    if nano <= 0:
        return None
    known = TopUp.objects.for_organisation(organisation.id).filter(provider=Provider.STARTER)
    return known.first() or _credit(
        organisation, nano, "sign-up", Provider.STARTER, actor="system", address=None
    )


def issue_code(nano: int, *, note: str = "", expires_at: datetime | None = None) -> str:
    """A new credit code worth `nano`; its plaintext shows only now."""
    code = "-".join(secrets.token_hex(2).upper() for _ in range(6))
    CreditCode.objects.create(digest=_digest(code), amount=nano, note=note, expires_at=expires_at)
    return code


def _credit(
    organisation: Organisation,
    nano: int,
    ref: str,
    provider: TopUp.Provider,
    *,
    actor: str,
    address: str | None,
) -> TopUp:
    is_promo = provider in {Provider.CREDIT_CODE, Provider.STARTER}
    journal, fresh = post(
        Movement(
            organisation_id=organisation.id,
            kind=Journal.Kind.PROMO if is_promo else Journal.Kind.TOP_UP,
            ref=f"{provider}:{organisation.id}:{ref}",  # a ref is its organisation's own
            legs={
                Account.Kind.CUSTOMER: nano,
                Account.Kind.PROMO if is_promo else Account.Kind.CLEARING: -nano,
            },
            actor=actor,
        )
    )
    if fresh:
        added = TopUp.objects.create(
            organisation=organisation, journal=journal, provider=provider, ref=ref, amount=nano
        )
        AuditEntry.objects.create(
            organisation=organisation,
            actor=actor,
            action="topup.created",
            target=added.id,
            after={"amount": usd(nano), "provider": provider, "ref": ref},
            address=address,
        )
        return added
    known = TopUp.objects.get(journal=journal)
    if known.amount != nano:
        raise IdempotencyMismatch(f"The ref {ref!r} was used for another amount.", param="ref")
    return known


def _digest(code: str) -> str:
    letters = "".join(c for c in code.upper() if c.isalnum())
    return hashlib.sha256(letters.encode()).hexdigest()
