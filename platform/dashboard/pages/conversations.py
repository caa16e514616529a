"""The inbox: conversations with filters and full-text search on the left, one on the right."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from chatbots import transcripts
from chatbots.models import Chatbot, Conversation
from dashboard import inbox, marks, paging, transcript
from dashboard.access import TeamRequest, organisation_view
from dashboard.chatbot_pages import READ, WRITE, chatbot_view
from dashboard.pages.conversation_actions import MOST_EXPORTED


@require_GET
@organisation_view(scope=READ)
def conversations(request: TeamRequest) -> HttpResponse:
    return _inbox(request, None)


@require_GET
@organisation_view(scope=READ)
def conversation(request: TeamRequest, conversation_id: str) -> HttpResponse:
    """Raises NotFound."""
    return _inbox(request, transcripts.of_any(request.organisation.id, conversation_id))


@require_GET
@chatbot_view()
def of_chatbot(request: TeamRequest, chatbot: Chatbot) -> HttpResponseBase:
    page = redirect("dashboard:conversations", request.organisation.slug)
    page["Location"] += f"?chatbot={chatbot.name}"
    return page


@require_GET
@organisation_view(scope=READ)
def listed(request: TeamRequest) -> HttpResponse:
    """The newest of the list alone, for an inbox that stays open."""
    mine = Conversation.objects.filter(organisation=request.organisation)
    opened = mine.filter(pk=request.GET.get("opened", "")).first()
    context = _list(request) | {"opened": opened}
    return marks.answer(request, context["list_mark"], "dashboard/conversation_list.html", context)


@require_GET
@organisation_view(scope=READ)
def talk(request: TeamRequest, conversation_id: str) -> HttpResponse:
    """What was said, alone, for a conversation that goes on. Raises NotFound."""
    opened = transcripts.of_any(request.organisation.id, conversation_id)
    context = _opened(request, opened)
    return marks.answer(request, context["talk_mark"], "dashboard/conversation_talk.html", context)


def _inbox(request: TeamRequest, opened: Conversation | None) -> HttpResponse:
    context = _list(request)
    rows = context["page"].rows
    shown = opened or (rows[0] if rows and not _wants_list(request) else None)
    mine = Chatbot.objects.all().for_organisation(request.organisation.id)
    context |= {
        "of_chatbot": mine.filter(name=context["asked"].get("chatbot", "")).first(),
        "is_chosen": opened is not None,
        "may_write": WRITE in request.membership.scopes,
        "opened": None,
    }
    if shown is not None:
        context |= _opened(request, shown)
    return render(request, "dashboard/conversations.html", context)


def _list(request: TeamRequest) -> dict[str, Any]:
    filters = inbox.Filters(request)
    asked = filters.query()
    page = paging.of(
        inbox.with_words(inbox.found(request, asked)),
        request.GET,
        field="last_message_at",
        columns={"time": "last_message_at"},
    )
    query = request.GET.copy()
    for own in ("opened", "known"):
        query.pop(own, None)
    return {
        "page": page,
        "filters": filters,
        "query": query,
        "asked": asked,
        "chips": inbox.chips(asked, request.GET),
        "more_chips": inbox.OTHERS,
        "is_filtered": bool(asked),
        "is_newest": not {"after", "before"} & query.keys(),
        "list_mark": inbox.mark(page.rows),
        "most_exported": MOST_EXPORTED,
    }


def _opened(request: TeamRequest, chat: Conversation) -> dict[str, Any]:
    seen = {"opened": chat, "may_see_runs": "usage:read" in request.membership.scopes}
    return seen | transcript.of(chat)


def _wants_list(request: HttpRequest) -> bool:
    """htmx asks for another list beside the transcript that stays."""
    return bool(request.headers.get("HX-Request"))
