"""Amounts that an organisation draws as lines in its account: moved, removed, and written down."""

from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.utils.functional import Promise

from accounts.models import AuditEntry
from api.errors import InvalidRequest
from billing.accounts import customer_account
from billing.models import Account
from billing.pricing import usd

LARGEST: Final = 1_000_000 * 10**9


@dataclass(frozen=True, slots=True)
class Line:
    """`field` of the account; `refusal` is what an amount of zero or less is told; `begins_anew`
    are fields that count since the line was drawn."""

    field: str
    action: str
    refusal: Promise
    begins_anew: tuple[str, ...] = ()


@transaction.atomic
def draw(
    line: Line, organisation_id: str, nano: int | None, by: str, address: str | None = None
) -> None:
    """None: no line. Where it is already, nothing happens. Raises InvalidRequest."""
    if nano is not None and not 0 < nano <= LARGEST:
        raise InvalidRequest(str(line.refusal), param=line.field)
    opened = customer_account(organisation_id)
    account = Account.objects.select_for_update().get(pk=opened.pk)
    before: int | None = getattr(account, line.field)
    if before == nano:
        return
    changes = dict.fromkeys(line.begins_anew, None)
    Account.objects.filter(pk=account.pk).update(**{line.field: nano, **changes})
    AuditEntry.objects.create(
        organisation_id=organisation_id, actor=by, action=line.action, target=str(account.pk),
        before={line.field: _said(before)}, after={line.field: _said(nano)}, address=address,
    )  # fmt: skip


def _said(nano: int | None) -> str | None:
    return None if nano is None else usd(nano)
