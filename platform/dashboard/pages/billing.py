"""Billing: what is left and how long it lasts, every movement, topping up, the cap, the alert."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from api.errors import ApiError
from api.rate_limits import Limits, take_request
from billing import (
    alerts,
    caps,
    payments,
    periods,
    serializers,
    statements,
    topping_up,
    usage,
)
from billing.csv_answers import csv_answer
from billing.models import Hold, Journal
from billing.payments import automatic
from dashboard import balance, ledger_words, money, paging
from dashboard.access import TeamRequest, actor_of, organisation_view
from dashboard.billing_forms import AlertForm, AutoForm, CapForm, CodeForm, TopUpForm
from dashboard.forms import Form

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "usage": ("charge",),
    "top-ups": ("top_up", "promo"),
    "refunds": ("refund", "adjustment", "chargeback", "expiry"),
}
TRIES: Final = Limits(requests_per_minute=10, tokens_per_minute=1)


@organisation_view(scope="usage:read")
def billing(request: TeamRequest) -> HttpResponseBase:
    if request.GET.get("format") == "csv":
        newest = _lines(request, "").order_by("-line")[: periods.MOST_ROWS]  # type: ignore[misc]  # an annotation of statements.lines
        return csv_answer("ledger", list(serializers.LedgerLineSerializer(newest, many=True).data))
    return _page(request)


@require_POST
@organisation_view(scope="billing:write")
def top_up(request: TeamRequest) -> HttpResponseBase:
    form = TopUpForm(request.POST)
    if form.is_valid():
        back, given = request.build_absolute_uri(_address(request)), form.cleaned_data
        try:
            checkout = payments.begin(
                request.organisation.id, given["amount"], request.user.id, back,
                saves_card=given["saves_card"],
            )  # fmt: skip
            return redirect(checkout)
        except ApiError as error:
            form.refuse(error)
    return _page(request, {"top_up_form": form}, 422)


@require_POST
@organisation_view(scope="billing:write")
def redeem(request: TeamRequest) -> HttpResponseBase:
    form, actor = CodeForm(request.POST), actor_of(request)
    if form.is_valid():
        try:
            take_request(f"codes of {request.organisation.id}", TRIES)
            added = topping_up.redeem(
                request.organisation, form.cleaned_data["code"],
                actor=request.user.id, address=actor.address,
            )  # fmt: skip
        except ApiError as error:
            form.refuse(error)
        else:
            amount = money.amount(added.amount, money.CHIP)
            messages.success(request, _("%(amount)s added.") % {"amount": amount})
            return redirect(_address(request))
    return _page(request, {"code_form": form}, 422)


@require_POST
@organisation_view(scope="billing:write")
def alert(request: TeamRequest) -> HttpResponseBase:
    return _set(request, "alert_form", AlertForm(request.POST), alerts.set_line)


@require_POST
@organisation_view(scope="billing:write")
def cap(request: TeamRequest) -> HttpResponseBase:
    return _set(request, "cap_form", CapForm(request.POST), caps.set_cap)


@require_POST
@organisation_view(scope="billing:write")
def auto(request: TeamRequest) -> HttpResponseBase:
    """Switch automatic top-ups on, or off (`off`), or forget the card, too (`forget`)."""
    if {"off", "forget"} & set(request.POST):
        forgets = "forget" in request.POST
        automatic.switch_off(request.organisation.id, *_by(request), forget_card=forgets)
        return _saved(request)
    return _set(request, "auto_form", AutoForm(request.POST), automatic.switch_on)


def _set(
    request: TeamRequest, name: str, form: Form, verb: Callable[..., None]
) -> HttpResponseBase:
    """`verb` takes the amounts in the order of the form's fields, and its errors name them."""
    if form.is_valid():
        try:
            verb(request.organisation.id, *form.cleaned_data.values(), *_by(request))
        except ApiError as error:
            form.refuse(error)
        else:
            return _saved(request)
    return _page(request, {name: form}, 422)


def _page(
    request: TeamRequest, refused: Mapping[str, Form] | None = None, status: int = 200
) -> HttpResponse:
    mine = request.organisation.id
    left = balance.of(mine)
    provider = payments.provider()
    shown = {
        **_ledger(request),
        "balance": left,
        "running": Hold.objects.all().for_organisation(mine).filter(state=Hold.State.OPEN).count(),
        "spent": _spent_this_month(request),
        "month": timezone.now(),
        "cap": left.cap,
        "auto": left.auto,
        "may_pay": "billing:write" in request.membership.scopes,
        "provider": provider.name if provider else "",
        "top_up_form": TopUpForm(),
        "code_form": CodeForm(),
        "alert_form": AlertForm(initial={"low_balance": left.low_line}),
        "cap_form": CapForm(initial={"spending_cap": left.cap.limit if left.cap else None}),
        "auto_form": AutoForm.of(left.auto),
        "receipts": ledger_words.receipts(mine),
        **(refused or {}),
    }
    return render(request, "dashboard/billing.html", shown, status=status)


def _ledger(request: TeamRequest) -> dict[str, object]:
    kind = request.GET.get("kind", "")
    page = paging.of(_lines(request, kind), request.GET, "line")
    holds = [line.hold for line in page.rows if line.hold and line.kind == Journal.Kind.CHARGE]
    total = sum(line.amount for line in page.rows)
    return {
        "page": page,
        "purposes": ledger_words.of(request.organisation.id, page.rows),
        "kind": kind,
        "q": paging.search(request.GET),
        "tokens_in": sum(hold.prompt_tokens for hold in holds),
        "tokens_out": sum(hold.completion_tokens for hold in holds),
        "total": total,
        "places": money.places(line.amount for line in page.rows),
    }


def _lines(request: TeamRequest, kind: str) -> QuerySet[Journal]:
    lines = statements.lines(request.organisation.id)
    if text := paging.search(request.GET):
        call = f"gen_{text.rsplit('_', 1)[-1][:32]}"
        lines = lines.filter(kind=Journal.Kind.CHARGE, ref__in=[call, f"{call}:late"])
    return lines.filter(kind__in=KINDS[kind]) if kind in KINDS else lines


def _spent_this_month(request: TeamRequest) -> int:
    """As the usage of this month sums it, from the days' roll-up."""
    today = timezone.now().date()
    lines = usage.by(request.organisation.id, today.replace(day=1), today + timedelta(days=1), ())
    return sum(line.charged_nano for line in lines)


def _by(request: TeamRequest) -> tuple[str, str | None]:
    return request.user.id, actor_of(request).address


def _saved(request: TeamRequest) -> HttpResponseBase:
    messages.success(request, _("Saved."))
    return redirect(_address(request))


def _address(request: TeamRequest) -> str:
    return reverse("dashboard:billing", args=[request.organisation.slug])
