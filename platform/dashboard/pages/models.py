"""Models that the team may call: prices, window, abilities, and how fast they answered here."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from billing import pricing
from billing.pricing import Price
from dashboard import money, paging, speed
from dashboard.access import TeamRequest, organisation_view
from dashboard.forms import Form
from dashboard.pages.docs import snippets
from inference import descriptions
from inference.descriptions import Description
from inference.models import ServedModel

WINDOW: Final = timedelta(days=7)
TRAINED: Final = "ft:"
_MILLION: Final = 10**6


class _Count(forms.IntegerField):
    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=10**7, **options)


class CostForm(Form):
    """What a day would cost; everything has a value, so the sum stands there from the start."""

    calls = _Count(label=_("Requests a day"), initial=1000)
    into = _Count(label=_("Tokens in, each"), initial=1900)
    out = _Count(label=_("Tokens out, each"), initial=120)


@dataclass(frozen=True, slots=True)
class Cost:
    """Nano-dollars a day; millions of tokens."""

    model: str
    into: Decimal
    out: Decimal
    into_nano: int
    out_nano: int
    total: int
    places: int


@organisation_view(scope="models:read")
def models(request: TeamRequest) -> HttpResponse:
    known = sorted(descriptions.of_all(request.organisation.id), key=_place)
    text = paging.search(request.GET).lower()
    form = CostForm(request.GET if "calls" in request.GET else None)
    chosen = _chosen(known, request.GET.get("model", ""))
    now = timezone.now()
    shown = {
        "models": [one for one in known if text in one.id.lower() or text in one.best_for.lower()],
        "any": bool(known),
        "speeds": speed.by_model(request.organisation.id, now - WINDOW, now),
        "q": paging.search(request.GET),
        "form": form,
        "priced": [one for one in known if one.pricing],
        "chosen": chosen,
        "cost": _cost(chosen, form) if chosen else None,
        "snippets": snippets(request, chosen.id)[1:2] if chosen and _chats(chosen) else [],
    }
    return render(request, "dashboard/models.html", shown)


@organisation_view(scope="models:read")
def model(request: TeamRequest, model_id: str) -> HttpResponse:
    """Raises ModelNotFound."""
    found = descriptions.of_one(model_id, request.organisation.id)
    now = timezone.now()
    measured = speed.by_model(request.organisation.id, now - WINDOW, now)
    shown = {
        "model": found,
        "speed": measured.get(found.id),
        "snippets": snippets(request, found.id),
        "failure": _failure(request, found),
    }
    return render(request, "dashboard/model.html", shown)


def _failure(request: TeamRequest, found: Description) -> str:
    """Only administrators of the server see why an engine could not load it."""
    if not request.user.is_staff:
        return ""
    row = ServedModel.objects.visible_to(request.organisation.id).filter(pk=found.id).first()
    return row.failure if row else ""


def _place(one: Description) -> tuple[bool, bool]:
    """What works stands first, and what a team has trained after what it was trained from; else
    as the catalog has them."""
    return one.status != ServedModel.State.INSTALLED, one.id.startswith(TRAINED)


def _chats(one: Description) -> bool:
    return "chat" in one.capabilities


def _chosen(known: list[Description], name: str) -> Description | None:
    priced = [one for one in known if one.pricing]
    offered = [one for one in priced if not one.id.startswith(TRAINED)] or priced
    return next((one for one in priced if one.id == name), next(iter(offered), None))


def _cost(chosen: Description, form: CostForm) -> Cost | None:
    """By the same arithmetic as a charge."""
    given = form.cleaned_data if form.is_bound and form.is_valid() else None
    if form.is_bound and given is None:
        return None
    calls, into, out = (
        int((given or {}).get(name, form.fields[name].initial)) for name in ("calls", "into", "out")
    )
    assert chosen.pricing is not None  # noqa: S101 - only priced models are chosen
    told = chosen.pricing
    price = Price(_pico(told.input), _pico(told.cached_input), _pico(told.output))
    into_nano = pricing.charge(price, calls * into, 0, 0)
    total = pricing.charge(price, calls * into, 0, calls * out)
    million = Decimal(_MILLION)
    return Cost(
        chosen.id, calls * into / million, calls * out / million, into_nano, total - into_nano,
        total, money.places([into_nano, total]),
    )  # fmt: skip


def _pico(usd_per_million: str) -> int:
    return int(Decimal(usd_per_million) * _MILLION)
