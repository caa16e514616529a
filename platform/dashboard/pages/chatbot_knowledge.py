"""Files that a chatbot answers from: attached from the library or uploaded here, and taken away."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from api.errors import ApiError, Forbidden
from chatbots import files as attached
from chatbots.models import Chatbot
from dashboard import errors, file_states
from dashboard.access import TeamRequest
from dashboard.chatbot_pages import WRITE, chatbot_view
from dashboard.pages.files import SCRIPT, receive
from files.models import StoredFile
from knowledge import stores

MOST_OFFERED = 200
KNOWLEDGE = ("assistants", "user_data")
"""Purposes of files that are for reading."""


@chatbot_view()
def knowledge(request: TeamRequest, chatbot: Chatbot) -> HttpResponseBase:
    if request.method == "POST":
        return _attach(request, chatbot)
    return render(request, "dashboard/chatbot_files.html", panel(request, chatbot))


@require_POST
@chatbot_view()
def detach(request: TeamRequest, chatbot: Chatbot, file_id: str) -> HttpResponse:
    attached.detach(chatbot, file_id)
    return _back(request, chatbot)


def panel(request: TeamRequest, chatbot: Chatbot) -> dict[str, Any]:
    """What stands under Knowledge."""
    uses = file_states.uses(_files(chatbot))
    mine = StoredFile.objects.all().for_organisation(request.organisation.id)
    others = mine.filter(purpose__in=KNOWLEDGE).exclude(pk__in=[use.row.file_id for use in uses])
    return {
        "chatbot": chatbot,
        "uses": uses,
        "goes_on": any(use.state.goes_on for use in uses),
        "library": others.order_by("-created_at")[:MOST_OFFERED],
        "may_write": WRITE in request.membership.scopes,
        "may_upload": "files:write" in request.membership.scopes,
    }


def _files(chatbot: Chatbot) -> QuerySet[Any]:
    return stores.files(chatbot.organisation_id, chatbot.store_id)


def _attach(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    """A file of the library (`file_id`), or one that comes along."""
    try:
        if given := request.FILES.get("file"):
            _require_upload(request)
            file_id = receive(request, given, "assistants").id
        else:
            file_id = request.POST.get("file_id", "").replace("\0", "")
        attached.attach(chatbot, file_id)
    except Forbidden:
        raise
    except ApiError as error:
        messages.error(request, errors.said(error))
        if request.headers.get("Accept") == SCRIPT:
            return HttpResponse(
                format_html('<p role="alert">{}</p>', errors.said(error)), status=422
            )
        return _back(request, chatbot)
    if request.headers.get("Accept") == SCRIPT:
        return HttpResponse(status=201)  # the page loads anew when the last file is here
    messages.success(request, _("Attached. It is known as soon as it is read, also to visitors."))
    return _back(request, chatbot)


def _require_upload(request: TeamRequest) -> None:
    """Raises Forbidden."""
    if "files:write" not in request.membership.scopes:
        raise Forbidden(_("Your role may not upload files. Attach one of the library."))


def _back(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    page = redirect("dashboard:chatbot", request.organisation.slug, chatbot.name)
    page["Location"] += "#knowledge"
    return page
