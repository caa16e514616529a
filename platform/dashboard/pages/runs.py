"""The run console: every generation with its settings, tokens, cost and timings."""

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import render

from accounts.models import APIKey
from billing import generations
from billing.models import Hold
from dashboard import call_sums, money, paging, run_words
from dashboard.access import TeamRequest, organisation_view

RUNNING = 20
STATES = (Hold.State.SETTLED, Hold.State.VOIDED, Hold.State.EXPIRED)
_DIGITS = 32


@organisation_view(scope="usage:read")
def runs(request: TeamRequest) -> HttpResponse:
    mine = _filtered(request)
    shown = {
        "page": paging.of(
            mine.filter(closed_at__isnull=False).select_related("key"), request.GET, "closed_at"
        ),
        "running": mine.filter(state=Hold.State.OPEN).order_by("-created_at")[:RUNNING],
        "models": _models(request),
        "keys": APIKey.objects.all().for_organisation(request.organisation.id),
        "states": STATES,
        "q": paging.search(request.GET),
    }
    return render(request, "dashboard/runs.html", shown)


@organisation_view(scope="usage:read")
def run(request: TeamRequest, seen_id: str) -> HttpResponse:
    """By any id that a caller saw. Raises NotFound."""
    hold = generations.find(request.organisation.id, seen_id)
    sums = call_sums.of(hold)
    shown = {
        "run": hold,
        "request_name": hold.id.replace("gen_", "req_", 1),
        "sums": sums,
        "places": money.places(line.nano for line in sums),
        "speed": _speed(hold),
        "kept": run_words.of(hold, request.membership.scopes),
    }
    return render(request, "dashboard/run.html", shown)


def _filtered(request: TeamRequest) -> QuerySet[Hold]:
    found = Hold.objects.all().for_organisation(request.organisation.id)
    asked = request.GET
    if text := paging.search(asked):
        found = found.filter(pk=f"gen_{text.rsplit('_', 1)[-1].rsplit('-', 1)[-1][:_DIGITS]}")
    if model := asked.get("model"):
        found = found.filter(model=model)
    if key := asked.get("key"):
        found = found.filter(key_id=key)
    if (state := asked.get("state")) in STATES:
        found = found.filter(state=state)
    return found


def _models(request: TeamRequest) -> list[str]:
    """Of the newest calls: what can be chosen from without reading them all."""
    newest = Hold.objects.all().for_organisation(request.organisation.id)
    names = newest.filter(closed_at__isnull=False).order_by("-closed_at")[:1000]
    return sorted(set(names.values_list("model", flat=True)))


def _writing(hold: Hold) -> int | None:
    if hold.duration_ms is None or hold.first_token_ms is None:
        return None
    return max(hold.duration_ms - hold.first_token_ms, 0)


def _speed(hold: Hold) -> float | None:
    writing = _writing(hold)
    return round(hold.completion_tokens * 1000 / writing, 1) if writing else None
