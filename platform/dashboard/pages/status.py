"""Is everything up: the models, the worker behind the scenes, the wait of the last hour."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _

from api import sharing
from billing.models import Hold
from dashboard import engine_load, frame, marks, speed, troubles
from dashboard.access import TeamRequest, organisation_view
from dashboard.engine_load import Load
from inference.models import ServedModel


@dataclass(frozen=True, slots=True)
class Row:
    model: ServedModel
    is_up: bool
    load: Load | None


@organisation_view()
def status(request: TeamRequest) -> HttpResponse:
    now = timezone.now()
    open_holds = (
        Hold.objects.all().for_organisation(request.organisation.id).filter(state=Hold.State.OPEN)
    )
    shown = {
        "rows": _rows(request.organisation.id),
        "hour": speed.overall(request.organisation.id, now - timedelta(hours=1), now),
        "running": open_holds.count(),
        "overdue": open_holds.filter(lease_until__lt=now - timedelta(minutes=2)).count(),
        "others": _others(),
        "now": now,
    }
    return render(request, "dashboard/status.html", shown)


def _rows(organisation_id: str) -> list[Row]:
    models = troubles.models(organisation_id)
    loads = engine_load.of(models)
    return [Row(model, troubles.is_up(model), loads.get(model.id)) for model in models]


def _others() -> list[tuple[str, bool]]:
    """(what stands beside the engines, whether it is there)"""
    worker = (_("Background work"), troubles.worker_is_there())
    redis = (_("Redis, shared by web processes"), not sharing.is_away())
    return [worker, redis] if settings.REDIS_URL else [worker]


@organisation_view()
def told(request: TeamRequest) -> HttpResponse:
    """The banner alone, for a page that stays open; nothing when that page shows the same."""
    around = frame.of(request)
    assert around is not None  # noqa: S101 - a member is signed in
    mark = around.troubles_mark
    return marks.answer(request, mark, "dashboard/troubles.html", {"frame": around})
