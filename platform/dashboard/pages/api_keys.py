"""API keys: list, create (shown once), change, rotate, revoke."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, Lower
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import keys
from accounts.models import APIKey
from accounts.views import CREATIONS
from api.errors import ApiError
from api.rate_limits import take_request
from billing import usage
from dashboard import paging, sorting
from dashboard.access import TeamRequest, actor_of, organisation_view
from dashboard.key_forms import KeyForm

GRACE = timedelta(hours=24)
NO_BUDGET = 2**63 - 1  # more than any
_SENT = "sent_forms"
_REMEMBERED = 20
STATES = ("active", "revoked")


@dataclass(frozen=True, slots=True)
class Row:
    """A key as the list shows it: `spent` this month, `share` of its budget (None: none)."""

    key: APIKey
    spent: int
    share: float | None
    state: str


@organisation_view(scope="keys:write")
def api_keys(request: TeamRequest) -> HttpResponse:
    if request.method == "POST":
        return _create(request)
    return _list(request, KeyForm(request=request))


@organisation_view(scope="keys:write")
def api_key(request: TeamRequest, key_id: str) -> HttpResponseBase:
    actor = actor_of(request)
    key = keys.find(actor, key_id)
    form = KeyForm.of(key, request)
    if request.method == "POST":
        form = KeyForm(request.POST, request=request, key=key)
        if form.is_valid() and (fields := form.checked()) is not None:
            try:
                keys.change(actor, key_id, fields)
            except ApiError as error:
                form.refuse(error)
            else:
                messages.success(request, _("Saved. It counts from the next request on."))
                return redirect("dashboard:api-key", request.organisation.slug, key_id)
    row = rows(request, [key])[0]
    status = 422 if form.is_bound else 200
    return render(request, "dashboard/api_key.html", {"row": row, "form": form}, status=status)


@require_POST
@organisation_view(scope="keys:write")
def rotate(request: TeamRequest, key_id: str) -> HttpResponseBase:
    if not _is_first(request):
        return redirect("dashboard:api-key", request.organisation.slug, key_id)
    take_request(f"new keys of {request.organisation.id}", CREATIONS)
    key, plaintext = keys.rotate(actor_of(request), key_id, GRACE)
    return _shown_once(request, key, plaintext)


@require_POST
@organisation_view(scope="keys:write")
def revoke(request: TeamRequest, key_id: str) -> HttpResponse:
    key = keys.revoke(actor_of(request), key_id)
    messages.success(
        request, _("%(name)s is revoked: its next request is refused.") % {"name": key.name}
    )
    return redirect("dashboard:api-keys", request.organisation.slug)


def rows(request: TeamRequest, found: list[APIKey]) -> list[Row]:
    spent = _spent(request)
    return [_row(key, spent.get(key.id, 0)) for key in found]


def _spent(request: TeamRequest) -> dict[str, int]:
    """By key, this month."""
    today = timezone.now().date()
    lines = usage.by(
        request.organisation.id, today.replace(day=1), today + timedelta(days=1), ("key",)
    )
    return {line.key: line.charged_nano for line in lines if line.key}


def _row(key: APIKey, spent: int) -> Row:
    if key.revoked_at is not None:
        state = "revoked"
    else:
        state = "active" if key.is_usable(timezone.now()) else "expired"
    share = None
    if key.budget_nano and key.budget_period == APIKey.BudgetPeriod.MONTH:
        share = spent / key.budget_nano
    return Row(key, spent, share, state)


def _list(request: TeamRequest, form: KeyForm, status: int = 200) -> HttpResponse:
    spent = _spent(request)
    page = paging.of(_found(request), request.GET, columns=_columns(spent))
    shown = {
        "page": page,
        "rows": [_row(key, spent.get(key.id, 0)) for key in page.rows],
        "form": form,
        "once": secrets.token_urlsafe(12),
        "q": paging.search(request.GET),
        "states": STATES,
        "state": request.GET.get("state", ""),
    }
    return render(request, "dashboard/api_keys.html", shown, status=status)


def _columns(spent: Mapping[str, int]) -> paging.Columns:
    return {
        "name": Lower("name"),
        "rate": "requests_per_minute",
        "spent": sorting.figures(spent),
        "budget": Coalesce("budget_nano", NO_BUDGET),
        "used": Coalesce("last_used_at", sorting.NEVER),
    }


def _found(request: TeamRequest) -> QuerySet[APIKey]:
    found = APIKey.objects.all().for_organisation(request.organisation.id)
    if text := paging.search(request.GET):
        found = found.filter(
            Q(name__icontains=text) | Q(prefix__startswith=text[:12]) | Q(last4=text[-4:])
        )
    if request.GET.get("state") == "active":
        return found.usable().select_related("created_by")
    if request.GET.get("state") == "revoked":
        found = found.filter(revoked_at__isnull=False)
    return found.select_related("created_by")


def _create(request: TeamRequest) -> HttpResponse:
    form = KeyForm(request.POST, request=request)
    if not form.is_valid() or (fields := form.checked()) is None:
        return _list(request, form, 422)
    if not _is_first(request):
        return redirect("dashboard:api-keys", request.organisation.slug)
    try:
        take_request(f"new keys of {request.organisation.id}", CREATIONS)
        key, plaintext = keys.create(actor_of(request), fields)
    except ApiError as error:
        form.refuse(error)
        return _list(request, form, 422)
    return _shown_once(request, key, plaintext)


def _is_first(request: TeamRequest) -> bool:
    """A form that is sent again (a reload, a double click) makes no second key."""
    mark = request.POST.get("once", "")
    sent = request.session.get(_SENT, [])
    if mark in sent:
        return False
    request.session[_SENT] = [*sent, mark][-_REMEMBERED:]
    return True


def _shown_once(request: TeamRequest, key: APIKey, plaintext: str) -> HttpResponse:
    page = paging.of(_found(request), {})
    shown = {
        "page": page,
        "rows": rows(request, page.rows),
        "new": key,
        "plaintext": plaintext,
        "form": KeyForm(request=request),
        "once": secrets.token_urlsafe(12),
        "states": STATES,
    }
    return render(request, "dashboard/api_keys.html", shown)
