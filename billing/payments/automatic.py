"""Topping up by itself: when the balance falls below a line, by the card that was saved.

`work` is asked every few seconds. A payment is written down before the provider hears of it, and an
organisation has one at a time: whoever dies in between, the next one asks for the same payment
again. It is credited by the road of every payment, in one transaction with its end, so that a
crossing of the line is paid for once.
"""

import logging
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts import webhooks
from accounts.models import AuditEntry
from api.errors import InvalidRequest, Unavailable
from api.numbers import written
from billing import mails, payments
from billing.models import AutoTopUp, Payment, TopUp
from billing.payments.provider import Card, Declined
from billing.pricing import usd

ACTOR: Final = "auto top-up"
FAILED_EVENT: Final = "topup.failed"
PATIENCE: Final = timedelta(minutes=5)
"""Between two questions about a payment whose fate is not known."""
FORGOTTEN: Final = timedelta(hours=20)
"""So long a provider surely knows a payment again by our name for it."""
WAITS: Final = (timedelta(hours=1), timedelta(hours=6))
"""After the first failure in a row, and after the second; the one after that switches it off."""
MOST_A_MONTH: Final = 100_000 * 10**9
log = logging.getLogger(__name__)


def of(organisation_id: str) -> AutoTopUp | None:
    return AutoTopUp.objects.all().for_organisation(organisation_id).first()


@transaction.atomic
def save_card(payment: Payment, card: Card) -> None:
    """The card that a payment left, once: another one replaces it, and a failure is forgotten. Told
    again, it does not bring back a card that was forgotten meanwhile."""
    if not Payment.objects.filter(pk=payment.pk, saves_card=True).update(saves_card=False):
        return
    fields = {
        "provider": payment.provider, "customer": card.customer, "method": card.method,
        "label": card.label, "failures": 0, "problem": "", "next_try_at": None,
    }  # fmt: skip
    AutoTopUp.objects.update_or_create(organisation_id=payment.organisation_id, defaults=fields)


@transaction.atomic
def switch_on(
    organisation_id: str, below: int, amount: int, most_a_month: int,
    by: str, address: str | None = None,
) -> None:  # fmt: skip
    """Raises InvalidRequest: no card, not whole cents, or amounts that do not fit together."""
    chosen = payments.provider()
    auto = AutoTopUp.objects.select_for_update().filter(pk=organisation_id).first()
    if auto is None or not auto.method or chosen is None or auto.provider != chosen.name:
        raise InvalidRequest(_("Save a card first: tick it when you top up."))
    payments.check_amount(amount)
    if not 0 < below <= amount:
        raise InvalidRequest(_("The line is above zero, and at most the amount."), param="below")
    if not amount <= most_a_month <= MOST_A_MONTH:
        said = _("A month's limit is at least the amount, and at most $%(most)s.")
        raise InvalidRequest(said % {"most": written(MOST_A_MONTH // 10**9)}, param="most_a_month")
    before = _said(auto)
    auto.is_on, auto.below, auto.amount, auto.most_a_month = True, below, amount, most_a_month
    auto.failures, auto.problem, auto.next_try_at, auto.capped_at = 0, "", None, None
    auto.save()
    _audit(auto, before, by, address)


@transaction.atomic
def switch_off(
    organisation_id: str, by: str, address: str | None = None, *, forget_card: bool = False
) -> None:
    """`forget_card`: the provider's names of it, too."""
    auto = AutoTopUp.objects.select_for_update().filter(pk=organisation_id).first()
    if auto is None:
        return
    before = _said(auto)
    auto.is_on, auto.problem, auto.failures = False, "", 0
    if forget_card:
        auto.customer = auto.method = auto.label = ""
    auto.save()
    _audit(auto, before, by, address)


def forget(organisation_id: str) -> None:
    """The card of an organisation that is closed; what is on its way to be paid still ends."""
    AutoTopUp.objects.all().for_organisation(organisation_id).update(
        is_on=False, customer="", method="", label="", problem=""
    )


def work() -> int:
    """Pay what is due; how many payments were asked for."""
    asked = 0
    while (due := _next()) is not None:
        auto, payment = due
        if payment:
            _pay(auto, payment)
            asked += 1
    return asked


def spent_this_month(organisation_id: str) -> int:
    """Nano-dollars of automatic payments in this UTC month, on their way or paid."""
    mine = Payment.objects.for_organisation(organisation_id).filter(
        automatic=True, state__in=[Payment.State.OPEN, Payment.State.PAID],
        created_at__gte=_month(timezone.now()),
    )  # fmt: skip
    return int(mine.aggregate(total=Sum("amount"))["total"] or 0)


@transaction.atomic
def _next() -> tuple[AutoTopUp, Payment | None] | None:
    """One that is due, which nobody else takes for a while, and what it is to pay."""
    due = AutoTopUp.objects.all().due().select_related("organisation")
    auto = due.select_for_update(skip_locked=True, of=("self",)).order_by("next_try_at").first()
    if auto is None:
        return None
    auto.next_try_at = timezone.now() + PATIENCE
    auto.save(update_fields=["next_try_at"])
    return auto, _payment(auto)


def _payment(auto: AutoTopUp) -> Payment | None:
    """The one whose fate is not known, or a new one; None where none may be made."""
    mine = Payment.objects.for_organisation(auto.organisation_id)
    if known := mine.filter(automatic=True, state=Payment.State.OPEN).first():
        if known.provider_ref or timezone.now() - known.created_at < FORGOTTEN:
            return known  # by its own name the provider knows it for ever, and is only asked
        _give_up(auto, known)
        return None
    if not AutoTopUp.objects.all().wanted().filter(pk=auto.pk).exists():
        return None  # it was, a moment ago
    amount = auto.amount or 0
    if spent_this_month(auto.organisation_id) + amount > (auto.most_a_month or 0):
        _tell_limit(auto)
        return None
    return Payment.objects.create(
        organisation=auto.organisation, provider=auto.provider, amount=amount,
        begun_by=ACTOR, automatic=True, card_last4=_card(auto).last4,
    )  # fmt: skip


@transaction.atomic
def _give_up(auto: AutoTopUp, payment: Payment) -> None:
    """Asked for again it might be charged twice: a person must look."""
    payments.ended(payment, Payment.State.REFUSED)
    log.error("automatic payment given up", extra={"payment": payment.id})
    _stop(auto, gettext_noop("Nobody knows what became of the last payment: ask your provider."))


def _pay(auto: AutoTopUp, payment: Payment) -> None:
    provider = payments.provider()
    if provider is None or provider.name != payment.provider:
        declined(
            payment,
            gettext_noop("The payment provider that keeps the card is not set up any more."),
        )
        return
    try:
        charge = provider.charge(payment, _card(auto))
    except Declined as reason:
        declined(payment, str(reason))
    except Unavailable:
        log.warning("automatic payment unanswered", extra={"payment": payment.id})
    else:
        Payment.objects.filter(pk=payment.pk).update(provider_ref=charge.ref)
        if charge.paid:
            paid(payment, charge.ref)


def _card(auto: AutoTopUp) -> Card:
    return Card(auto.customer, auto.method, auto.label)


@transaction.atomic
def paid(payment: Payment, ref: str) -> TopUp | None:
    """Credited, and what failed before is forgotten."""
    added = payments.paid(payment, ref)
    AutoTopUp.objects.filter(pk=payment.organisation_id, is_on=True).update(
        failures=0, problem="", next_try_at=None
    )
    return added


@transaction.atomic
def declined(payment: Payment, reason: str) -> None:
    """Try again later, with another payment; the third time in a row it is switched off."""
    payment = Payment.objects.select_for_update().get(pk=payment.pk)
    if payment.state != Payment.State.OPEN:
        return
    payments.ended(payment, Payment.State.FAILED)
    auto = (
        AutoTopUp.objects.select_for_update(of=("self",))
        .select_related("organisation")
        .get(pk=payment.organisation_id)
    )
    if auto.failures >= len(WAITS):
        _stop(auto, reason)
        return
    auto.next_try_at = timezone.now() + WAITS[auto.failures]
    auto.failures, auto.problem = auto.failures + 1, reason
    auto.save(update_fields=["next_try_at", "failures", "problem"])
    _tell(auto, stopped=False)


def _stop(auto: AutoTopUp, reason: str) -> None:
    before = _said(auto)
    auto.is_on, auto.failures, auto.problem = False, auto.failures + 1, reason
    auto.save(update_fields=["is_on", "failures", "problem"])
    _audit(auto, before, ACTOR, None)
    _tell(auto, stopped=True)


def _tell(auto: AutoTopUp, *, stopped: bool) -> None:
    facts = {"amount": usd(auto.amount or 0), "reason": auto.problem, "stopped": stopped}
    webhooks.emit(auto.organisation_id, FAILED_EVENT, facts)
    told = {**facts, "card": auto.label, "next_try_at": auto.next_try_at}
    transaction.on_commit(lambda: mails.send(auto.organisation, "top_up_failed", told))


def _tell_limit(auto: AutoTopUp) -> None:
    """Nothing is paid until the month ends or the limit is raised; said once a month."""
    now = timezone.now()
    is_told = auto.capped_at is not None and _month(auto.capped_at) == _month(now)
    auto.capped_at, auto.next_try_at = now, _month(_month(now) + timedelta(days=32))
    auto.save(update_fields=["capped_at", "next_try_at"])
    if not is_told:
        facts = {"limit": usd(auto.most_a_month or 0), "line": usd(auto.below or 0)}
        transaction.on_commit(lambda: mails.send(auto.organisation, "top_up_limit", facts))


def _month(moment: datetime) -> datetime:
    """When its UTC month began."""
    there = moment.astimezone(UTC)
    return there.replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _audit(auto: AutoTopUp, before: dict[str, object], by: str, address: str | None) -> None:
    AuditEntry.objects.create(
        organisation_id=auto.organisation_id, actor=by, action="auto_topup.changed",
        target=auto.organisation_id, before=before, after=_said(auto), address=address,
    )  # fmt: skip


def _said(auto: AutoTopUp) -> dict[str, object]:
    amounts = {"below": auto.below, "amount": auto.amount, "most_a_month": auto.most_a_month}
    said = {name: None if nano is None else usd(nano) for name, nano in amounts.items()}
    return {"on": auto.is_on, "card": auto.label, **said}
