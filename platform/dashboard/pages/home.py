"""Where somebody lands who asks for the dashboard as such: in the team that was open last."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render

from dashboard import frame
from dashboard.access import TeamRequest, organisation_view


@login_required
def home(request: HttpRequest) -> HttpResponseBase:
    """Without any team: a page that says how to get one."""
    around = frame.of(request)
    if around is None or around.membership is None:
        return render(request, "dashboard/no_team.html")
    return redirect("dashboard:overview", around.membership.organisation.slug)


@organisation_view()
def team(request: TeamRequest) -> HttpResponse:
    return redirect("dashboard:overview", request.organisation.slug)
