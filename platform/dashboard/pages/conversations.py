"""The inbox: conversations with filters and full-text search on the left, one on the right."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import nh3
from django.contrib import messages as notes
from django.contrib.postgres.search import SearchQuery
from django.db.models import Exists, OuterRef, QuerySet, Subquery
from django.db.models.functions import Left
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from markdown_it import MarkdownIt

from chatbots.models import Chatbot, Conversation, Message
from dashboard import paging
from dashboard.access import TeamRequest, organisation_view
from dashboard.chatbot_pages import READ, WRITE, chatbot_view

PERIODS: Final = {"7": 7, "30": 30, "90": 90}
MOST_MESSAGES: Final = 500
SHOWN: Final = 120  # characters of the first question, in the list
_MARKDOWN: Final = MarkdownIt("commonmark", {"html": False}).disable("image")
_TAGS: Final = {
    "p", "br", "strong", "em", "ul", "ol", "li", "code", "pre", "blockquote", "h1", "h2", "h3",
    "h4", "h5", "h6", "hr", "a",
}  # fmt: skip


@require_GET
@organisation_view(scope=READ)
def conversations(request: TeamRequest) -> HttpResponse:
    return _inbox(request, None)


@require_GET
@organisation_view(scope=READ)
def conversation(request: TeamRequest, conversation_id: str) -> HttpResponse:
    return _inbox(request, _find(request, conversation_id))


@require_GET
@chatbot_view()
def of_chatbot(request: TeamRequest, chatbot: Chatbot) -> HttpResponseBase:
    inbox = redirect("dashboard:conversations", request.organisation.slug)
    inbox["Location"] += f"?chatbot={chatbot.name}"
    return inbox


@require_POST
@organisation_view(scope=WRITE)
def flag(request: TeamRequest, conversation_id: str) -> HttpResponse:
    """And back."""
    found = _find(request, conversation_id)
    Conversation.objects.filter(pk=found.pk).update(flagged=not found.flagged)
    return redirect("dashboard:conversation", request.organisation.slug, found.pk)


@require_POST
@organisation_view(scope=WRITE)
def delete(request: TeamRequest, conversation_id: str) -> HttpResponse:
    found = _find(request, conversation_id)
    Conversation.objects.filter(organisation_id=request.organisation.id, pk=found.pk).delete()
    notes.success(request, _("The conversation is deleted; what it has cost stays in the books."))
    return redirect("dashboard:conversations", request.organisation.slug)


def _inbox(request: TeamRequest, opened: Conversation | None) -> HttpResponse:
    page = paging.of(_found(request), request.GET, field="last_message_at")
    first = page.rows[0] if page.rows else None
    shown = opened or first
    context = {
        "page": page,
        "q": paging.search(request.GET),
        "query": request.GET,
        "periods": PERIODS,
        "chatbots": Chatbot.objects.filter(organisation=request.organisation).order_by("title"),
        "opened": shown,
        "is_chosen": opened is not None,
        "may_write": WRITE in request.membership.scopes,
        "is_filtered": bool(request.GET),
    }
    if shown is not None:
        context |= _transcript(shown)
    return render(request, "dashboard/conversations.html", context)


def _found(request: TeamRequest) -> QuerySet[Any]:
    """What the filters of the address leave, the newest first."""
    query = request.GET
    mine = Conversation.objects.filter(
        organisation_id=request.organisation.id, is_preview=False, messages_count__gt=0
    )
    if name := query.get("chatbot"):
        mine = mine.filter(chatbot__name=name)
    if days := PERIODS.get(query.get("days", "")):
        mine = mine.filter(last_message_at__gte=timezone.now() - timedelta(days=days))
    if query.get("flagged"):
        mine = mine.filter(flagged=True)
    for name, condition in _conditions(query).items():
        if query.get(name):
            mine = mine.filter(Exists(_messages(OuterRef("pk")).filter(**condition)))
    first = _messages(OuterRef("pk")).filter(role=Message.Role.USER).order_by("place")
    thumb = _messages(OuterRef("pk")).filter(feedback__isnull=False).order_by("-place")
    found: QuerySet[Any] = mine.select_related("chatbot").annotate(
        first_words=Subquery(first.annotate(words_cut=Left("text", SHOWN)).values("words_cut")[:1]),
        thumb=Subquery(thumb.values("feedback")[:1]),
    )
    return found


def _conditions(query: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What a message of the conversation must be, by the filter that asks for it."""
    words = SearchQuery(paging.search(query), config="simple", search_type="websearch")
    return {
        "q": {"words": words},
        "down": {"feedback": Message.Feedback.DOWN},
        "up": {"feedback": Message.Feedback.UP},
        "errors": {"status": Message.Status.FAILED},
    }


def _messages(conversation: Any) -> QuerySet[Any]:
    found: QuerySet[Any] = Message.objects.filter(conversation=conversation)
    return found


def _find(request: TeamRequest, conversation_id: str) -> Conversation:
    mine = Conversation.objects.filter(organisation_id=request.organisation.id)
    found: Conversation | None = (
        mine.select_related("chatbot", "visitor").filter(pk=conversation_id).first()
    )
    if found is None:
        raise Http404
    return found


def _transcript(conversation: Conversation) -> dict[str, Any]:
    turns = list(_messages(conversation).order_by("place")[:MOST_MESSAGES])
    waits = sorted(turn.first_token_ms for turn in turns if turn.first_token_ms is not None)
    return {
        "turns": [(turn, rendered(turn.text)) for turn in turns],
        "title": next((turn.text for turn in turns if turn.role == Message.Role.USER), ""),
        "wait": waits[len(waits) // 2] if waits else None,
        "versions": sorted({turn.version for turn in turns if turn.version}),
    }


def rendered(text: str) -> SafeString:
    """Markdown of a visitor or a model: no images, no raw HTML, links that go nowhere harmful."""
    clean = nh3.clean(
        _MARKDOWN.render(text),
        tags=_TAGS,
        attributes={"a": {"href"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(clean)  # noqa: S308 - nh3 has left only these tags, without handlers
