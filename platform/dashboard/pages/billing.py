"""Billing: what is left and how long it lasts, every movement, topping up, codes, the alert."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from api.errors import ApiError
from api.rate_limits import Limits, take_request
from billing import alerts, payments, periods, pricing, serializers, statements, topping_up, usage
from billing.csv_answers import csv_answer
from billing.models import Hold, Journal, TopUp
from dashboard import balance, paging
from dashboard.access import TeamRequest, actor_of, organisation_view
from dashboard.forms import Form

KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "usage": ("charge",),
    "top-ups": ("top_up", "promo"),
    "refunds": ("refund", "adjustment", "chargeback", "expiry"),
}
TRIES: Final = Limits(requests_per_minute=10, tokens_per_minute=1)


class TopUpForm(Form):
    amount = forms.CharField(label=gettext_lazy("Amount in $"), initial="10.00")


class CodeForm(Form):
    code = forms.CharField(label=gettext_lazy("Credit code"), max_length=64)


class AlertForm(Form):
    line = forms.CharField(
        label=gettext_lazy("Tell us below, in $"),
        required=False,
        help_text=gettext_lazy("A mail to owners, a banner here. Empty: never."),
    )


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
        back = request.build_absolute_uri(_address(request))
        try:
            nano = _nano(form, "amount")
            return redirect(payments.begin(request.organisation.id, nano, request.user.id, back))
        except ApiError as error:
            form.refuse(error)
        except ValueError as error:
            form.blame("amount", str(error))
    return _page(request, top_up_form=form, status=422)


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
            messages.success(request, _("%(usd)s $ added.") % {"usd": pricing.usd(added.amount)})
            return redirect(_address(request))
    return _page(request, code_form=form, status=422)


@require_POST
@organisation_view(scope="billing:write")
def alert(request: TeamRequest) -> HttpResponseBase:
    form, actor = AlertForm(request.POST), actor_of(request)
    if form.is_valid():
        try:
            line = _nano(form, "line") if form.cleaned_data["line"].strip() else None
            alerts.set_line(request.organisation.id, line, request.user.id, actor.address)
        except ApiError as error:
            form.blame("line", error.message)
        except ValueError as error:
            form.blame("line", str(error))
        else:
            messages.success(request, _("Saved."))
            return redirect(_address(request))
    return _page(request, alert_form=form, status=422)


def _page(
    request: TeamRequest,
    *,
    top_up_form: Form | None = None,
    code_form: Form | None = None,
    alert_form: Form | None = None,
    status: int = 200,
) -> HttpResponse:
    left = balance.of(request.organisation.id)
    line = "" if left.low_line is None else pricing.usd(left.low_line)
    provider = payments.provider()
    shown = {
        **_ledger(request),
        "balance": left,
        "running": Hold.objects.all().for_organisation(request.organisation.id)
        .filter(state=Hold.State.OPEN).count(),
        "spent": _spent_this_month(request),
        "month": timezone.now(),
        "may_pay": "billing:write" in request.membership.scopes,
        "provider": provider.name if provider else "",
        "top_up_form": top_up_form or TopUpForm(),
        "code_form": code_form or CodeForm(),
        "alert_form": alert_form or AlertForm(initial={"line": line}),
        "receipts": TopUp.objects.all().for_organisation(request.organisation.id)[:10],
    }  # fmt: skip
    return render(request, "dashboard/billing.html", shown, status=status)


def _ledger(request: TeamRequest) -> dict[str, object]:
    kind = request.GET.get("kind", "")
    page = paging.of(_lines(request, kind), request.GET, "line")
    holds = [line.hold for line in page.rows if line.hold and line.kind == Journal.Kind.CHARGE]
    total = sum(line.amount for line in page.rows)
    return {
        "page": page,
        "kind": kind,
        "kinds": KINDS,
        "tokens_in": sum(hold.prompt_tokens for hold in holds),
        "tokens_out": sum(hold.completion_tokens for hold in holds),
        "total": total,
    }


def _lines(request: TeamRequest, kind: str) -> QuerySet[Journal]:
    lines = statements.lines(request.organisation.id)
    if text := paging.search(request.GET):
        lines = lines.filter(hold_id=f"gen_{text.rsplit('_', 1)[-1][:32]}")
    return lines.filter(kind__in=KINDS[kind]) if kind in KINDS else lines


def _spent_this_month(request: TeamRequest) -> int:
    """As the usage of this month sums it, from the days' roll-up."""
    today = timezone.now().date()
    lines = usage.by(request.organisation.id, today.replace(day=1), today + timedelta(days=1), ())
    return sum(line.charged_nano for line in lines)


def _nano(form: Form, name: str) -> int:
    """Raises ValueError for what is no amount."""
    return pricing.nano(str(form.cleaned_data[name]).strip().removeprefix("$"))


def _address(request: TeamRequest) -> str:
    return reverse("dashboard:billing", args=[request.organisation.slug])
