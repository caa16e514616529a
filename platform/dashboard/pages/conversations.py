"""The inbox: conversations with filters and full-text search on the left, one on the right."""

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from chatbots import transcripts
from chatbots.models import Chatbot, Conversation
from dashboard import inbox, paging, transcript
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


def _inbox(request: TeamRequest, opened: Conversation | None) -> HttpResponse:
    filters = inbox.Filters(request)
    query = filters.query()
    mine = Chatbot.objects.all().for_organisation(request.organisation.id)
    chats = inbox.with_words(inbox.found(request, query))
    page = paging.of(chats, request.GET, field="last_message_at")
    shown = opened or (page.rows[0] if page.rows and not _wants_list(request) else None)
    context = {
        "page": page,
        "filters": filters,
        "query": request.GET,
        "asked": query,
        "is_filtered": bool(query),
        "of_chatbot": mine.filter(name=query.get("chatbot", "")).first(),
        "opened": shown,
        "is_chosen": opened is not None,
        "may_write": WRITE in request.membership.scopes,
        "may_see_runs": "usage:read" in request.membership.scopes,
        "most_exported": MOST_EXPORTED,
    }
    if shown is not None:
        context |= transcript.of(shown)
    return render(request, "dashboard/conversations.html", context)


def _wants_list(request: HttpRequest) -> bool:
    """htmx asks for another list beside the transcript that stays."""
    return bool(request.headers.get("HX-Request"))
