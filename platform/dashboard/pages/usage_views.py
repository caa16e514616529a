"""Views of the usage page that a member has given a name: kept with their membership."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import parse_qsl, urlencode

from django import forms
from django.db import transaction
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.models import Membership
from api.errors import InvalidRequest
from billing.usage import FILTERS
from dashboard.access import TeamRequest, organisation_view
from dashboard.forms import Form

MOST: Final = 12
LONGEST: Final = 1_000
KEPT: Final = ("metric", "by", "days", "from", "to", "sort", *FILTERS)
"""Parameters that make a view."""


class ViewForm(Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=40)
    query = forms.CharField(required=False, max_length=LONGEST, widget=forms.HiddenInput)


@require_POST
@organisation_view(scope="usage:read")
def save(request: TeamRequest) -> HttpResponseBase:
    """Under a name that is known, the new one replaces the old."""
    form = ViewForm(request.POST)
    if not form.is_valid():
        raise InvalidRequest(str(next(iter(form.errors.values()))[0]), param="name")
    name, query = form.cleaned_data["name"].strip(), normal(form.cleaned_data["query"])
    with _mine(request) as views:
        if name not in views and len(views) >= MOST:
            said = _("You have %(most)d views. Forget one first.") % {"most": MOST}
            raise InvalidRequest(said, param="name")
        views[name] = query
    return redirect(f"{_page(request)}?{query}")


@require_POST
@organisation_view(scope="usage:read")
def forget(request: TeamRequest) -> HttpResponseBase:
    with _mine(request) as views:
        views.pop(request.POST.get("name", ""), None)
    return redirect(_page(request))


def normal(query: str) -> str:
    """The same view has one address: known parameters alone, in one order."""
    given = dict(parse_qsl(query))
    return urlencode([(name, given[name]) for name in KEPT if given.get(name)])


@contextmanager
def _mine(request: TeamRequest) -> Iterator[dict[str, str]]:
    """To be changed: kept at the end. Two tabs wait for each other."""
    with transaction.atomic():
        member = Membership.objects.select_for_update().get(pk=request.membership.pk)
        yield member.usage_views
        member.save(update_fields=["usage_views"])


def _page(request: TeamRequest) -> str:
    return reverse("dashboard:usage", args=[request.organisation.slug])
