"""Every component once, for who builds pages: /dashboard/styleguide, for staff."""

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.models import User
from dashboard import activity
from dashboard.billing_forms import AlertForm


@login_required
def styleguide(request: HttpRequest) -> HttpResponse:
    if not (isinstance(request.user, User) and request.user.is_staff):
        raise PermissionDenied
    wrong = AlertForm({"low_balance": "a lot"})
    wrong.is_valid()
    wrong.blame("low_balance", "This is no amount. Write it as 12.50.")
    shown = {
        "spark": activity.spark([4, 6, 5, 7, 6, 8, 7, 9, 8, 11, 10, 14, 9, 12]),
        "amounts": [0, 43, 43_000, 482_000_000, 14_213_406_000, -123_000],
        "form": AlertForm(),
        "wrong": wrong,
        "series": [(day, [day % 7 + 3, day % 5 + 1, day % 3]) for day in range(14, 0, -1)],
    }
    return render(request, "dashboard/styleguide.html", shown)
