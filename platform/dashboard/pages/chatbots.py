"""Chatbots of the team: the list, a new one from a template, one more like another, import."""

import re
from collections.abc import Mapping
from typing import Any

from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from api.errors import ApiError, InvalidRequest
from chatbots import exchange, making, versions
from chatbots import states as chatbot_states
from chatbots.models import Chatbot
from dashboard import chatbot_rows, paging
from dashboard.access import TeamRequest, organisation_view
from dashboard.chatbot_forms import TEMPLATE_NAMES, TEMPLATES, NewChatbotForm, begun_with
from dashboard.chatbot_pages import READ, WRITE, author_of, chatbot_view
from inference import catalog

LARGEST_YAML = 256 * 1024


@organisation_view(scope=READ)
def chatbots(request: TeamRequest) -> HttpResponse:
    states = _states(request)
    found = _found(request, states)
    used = chatbot_rows.used(request.organisation.id)
    page = paging.of(found, request.GET, columns=chatbot_rows.columns(used))
    rows = chatbot_rows.of(request.organisation.id, page.rows, used)
    total, cost = sum(row.messages for row in rows), sum(row.cost for row in rows)
    shown = {
        "page": page,
        "rows": rows,
        "total": total,
        "cost": cost,
        "each": cost // total if total else None,
        "q": paging.search(request.GET),
        "state": request.GET.get("state", ""),
        "counts": _mine(request).aggregate(
            **{f"n_{name}": Count("pk", filter=which) for name, which in states.items()}
        ),
        "templates": TEMPLATE_NAMES.items(),
        "default_model": request.organisation.default_model or catalog.DEFAULT_MODEL,
        "may_write": WRITE in request.membership.scopes,
    }
    return render(request, "dashboard/chatbots.html", shown)


@organisation_view(scope=WRITE)
def new(request: TeamRequest) -> HttpResponseBase:
    """The name is enough: it is published at once, so that the next page talks."""
    form = NewChatbotForm(initial=begun(request))
    if request.method == "POST":
        form = NewChatbotForm(request.POST)
        if form.is_valid() and (chatbot := made(request, form)) is not None:
            return redirect("dashboard:chatbot", request.organisation.slug, chatbot.name)
    status = 422 if form.is_bound else 200
    about = [(key, name, text) for key, (name, text) in TEMPLATE_NAMES.items()]
    return render(
        request, "dashboard/chatbot_new.html", {"form": form, "about": about}, status=status
    )


def begun(request: TeamRequest) -> dict[str, str]:
    """What stands in the form of a new chatbot before anything is typed."""
    asked = request.GET.get("template", "")
    return {"template": asked if asked in TEMPLATES else "support", "title": _("Assistant")}


def made(request: TeamRequest, form: NewChatbotForm) -> Chatbot | None:
    """Published at once; None where the form was refused, and says why."""
    title = form.cleaned_data["title"]
    name = form.cleaned_data["name"] or _free(request, slugify(title)[:60].strip("-") or "chatbot")
    author = author_of(request)
    try:
        chatbot = making.create(
            request.organisation.id, author, name, title, begun_with(form.cleaned_data["template"])
        )
        versions.publish(chatbot, author, _("First version"))
    except ApiError as error:
        form.refuse(error)
        return None
    return chatbot


@require_POST
@chatbot_view(write=True)
def duplicate(request: TeamRequest, chatbot: Chatbot) -> HttpResponseBase:
    copy = making.create(
        request.organisation.id,
        author_of(request),
        _free(request, f"{chatbot.name[:58]}-copy"),
        _("%(title)s, copy") % {"title": chatbot.title[:110]},
        chatbot.draft,
    )
    return redirect("dashboard:chatbot", request.organisation.slug, copy.name)


@organisation_view(scope=WRITE)
@require_POST
def import_yaml(request: TeamRequest) -> HttpResponseBase:
    """A file that `Export YAML` made, as a new chatbot's draft."""
    file = request.FILES.get("file")
    if file is None or (file.size or 0) > LARGEST_YAML:
        raise InvalidRequest(_("Choose a YAML file of up to 256 KiB."))
    try:
        configuration = exchange.read(file.read().decode())
    except UnicodeDecodeError as error:
        raise InvalidRequest(_("This file is not text.")) from error
    name = _free(request, slugify(re.sub(r"\.ya?ml$", "", file.name or ""))[:60] or "chatbot")
    made = making.create(
        request.organisation.id, author_of(request), name, configuration=configuration.stored()
    )
    return redirect("dashboard:chatbot", request.organisation.slug, made.name)


def _mine(request: TeamRequest) -> QuerySet[Any]:
    mine: QuerySet[Any] = Chatbot.objects.all().for_organisation(request.organisation.id)
    return mine


def _states(request: TeamRequest) -> dict[str, Q]:
    """Each chatbot is in one."""
    over = Q(pk__in=chatbot_states.over_budget(request.organisation.id))
    return {
        "live": Q(live__isnull=False, paused_at=None) & ~over,
        "draft": Q(live=None, paused_at=None),
        "paused": Q(paused_at__isnull=False),
        "over_budget": over,
    }


def _found(request: TeamRequest, states: Mapping[str, Q]) -> QuerySet[Any]:
    found = _mine(request).select_related("live").annotate(last=chatbot_rows.newest())
    if text := paging.search(request.GET):
        found = found.filter(Q(title__icontains=text) | Q(name__icontains=text))
    chosen: QuerySet[Any] = found.filter(states.get(request.GET.get("state", ""), Q()))
    return chosen


def _free(request: TeamRequest, name: str) -> str:
    """The name, with a number where the team has one of it."""
    taken = set(_mine(request).filter(name__startswith=name).values_list("name", flat=True))
    numbered = (name if n == 1 else f"{name}-{n}" for n in range(1, len(taken) + 2))
    return next(each for each in numbered if each not in taken)
