"""Is everything up: the models, the worker behind the scenes, the wait of the last hour."""

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone

from billing.models import Hold
from dashboard import speed
from dashboard.access import TeamRequest, organisation_view
from inference.engines import sockets
from inference.models import ServedModel


@dataclass(frozen=True, slots=True)
class Row:
    model: ServedModel
    is_up: bool


@organisation_view()
def status(request: TeamRequest) -> HttpResponse:
    now = timezone.now()
    models = ServedModel.objects.visible_to(request.organisation.id).exclude(
        state=ServedModel.State.NOT_INSTALLED
    )
    open_holds = (
        Hold.objects.all().for_organisation(request.organisation.id).filter(state=Hold.State.OPEN)
    )
    shown = {
        "rows": [Row(model, _is_up(model)) for model in models],
        "hour": speed.overall(request.organisation.id, now - timedelta(hours=1), now),
        "running": open_holds.count(),
        "overdue": open_holds.filter(lease_until__lt=now - timedelta(minutes=2)).count(),
        "now": now,
    }
    return render(request, "dashboard/status.html", shown)


def _is_up(model: ServedModel) -> bool:
    """An engine of this machine listens on its socket; one elsewhere is believed."""
    if model.state != ServedModel.State.INSTALLED:
        return False
    if not model.engine.startswith("local:"):
        return True
    return sockets.path_for(model.id, settings.DATA_DIR).exists()
