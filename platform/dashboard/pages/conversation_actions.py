"""What is done with conversations: flag, note, export, delete, forget a visitor."""

from typing import Any, Final

from django.contrib import messages
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from billing.csv_answers import csv_answer
from chatbots import answers, transcripts
from chatbots.models import Conversation
from dashboard import inbox
from dashboard.access import TeamRequest, organisation_view
from dashboard.chatbot_pages import READ, WRITE, author_of

MOST_EXPORTED: Final = 1_000
LONGEST_NOTE: Final = 2_000


@require_POST
@organisation_view(scope=WRITE)
def flag(request: TeamRequest, conversation_id: str) -> HttpResponse:
    """And back."""
    chat = transcripts.of_any(request.organisation.id, conversation_id)
    transcripts.flag(chat, flagged=not chat.flagged)
    return _back(request, chat)


@require_POST
@organisation_view(scope=WRITE)
def note(request: TeamRequest, conversation_id: str) -> HttpResponse:
    chat = transcripts.of_any(request.organisation.id, conversation_id)
    text = request.POST.get("note", "").replace("\0", "").strip()
    transcripts.note(chat, text[:LONGEST_NOTE])
    return _back(request, chat)


@require_POST
@organisation_view(scope=WRITE)
def delete(request: TeamRequest, conversation_id: str) -> HttpResponse:
    transcripts.delete(transcripts.of_any(request.organisation.id, conversation_id))
    messages.success(
        request, _("The conversation is deleted; what it has cost stays in the books.")
    )
    return redirect("dashboard:conversations", request.organisation.slug)


@require_POST
@organisation_view(scope=WRITE)
def forget(request: TeamRequest, conversation_id: str) -> HttpResponse:
    """The visitor of a conversation, with all that they have said to its chatbot."""
    chat = transcripts.of_any(request.organisation.id, conversation_id)
    who = chat.visitor
    if who is None or request.POST.get("visitor", "").strip() != who.id:
        messages.error(request, _("Nothing is deleted: the visitor's id was not typed."))
        return _back(request, chat)
    count = transcripts.forget(chat.chatbot, who, author_of(request))
    gone = ngettext(
        "The visitor is deleted, with %(n)d conversation.",
        "The visitor is deleted, with %(n)d conversations.",
        count,
    )
    messages.success(request, gone % {"n": count})
    return redirect("dashboard:conversations", request.organisation.slug)


@require_GET
@organisation_view(scope=READ)
def export(request: TeamRequest) -> HttpResponse:
    """The newest that the filters leave: `?format=csv` a line for each message, else JSON."""
    found = inbox.found(request, inbox.Filters(request).query())
    return _exported(request, list(found.order_by("-last_message_at", "-pk")[:MOST_EXPORTED]))


@require_GET
@organisation_view(scope=READ)
def export_one(request: TeamRequest, conversation_id: str) -> HttpResponse:
    return _exported(request, [transcripts.of_any(request.organisation.id, conversation_id)])


def _exported(request: TeamRequest, chats: list[Conversation]) -> HttpResponse:
    if request.GET.get("format") == "csv":
        return csv_answer("conversations", _lines(chats))
    told = [
        {
            "chatbot": chat.chatbot.name,
            "conversation": answers.conversation(chat),
            "messages": [answers.message(one) for one in said],
        }
        for chat, said in transcripts.told(chats)
    ]
    answer = JsonResponse({"object": "list", "data": told}, json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = 'attachment; filename="conversations.json"'
    return answer


def _lines(chats: list[Conversation]) -> list[dict[str, Any]]:
    """Under the names of the API's fields."""
    lines = []
    for chat, said in transcripts.told(chats):
        about = {
            "conversation": chat.pk,
            "chatbot": chat.chatbot.name,
            "visitor": chat.visitor_id,
            "origin": chat.origin,
            "flagged": chat.flagged,
            "note": chat.note,
        }
        lines += [about | answers.message(one) | {"sources": _names(one.sources)} for one in said]
    return lines


def _names(sources: list[dict[str, Any]]) -> str:
    return ", ".join(dict.fromkeys(str(one.get("filename", "")) for one in sources))


def _back(request: TeamRequest, chat: Conversation) -> HttpResponse:
    """To the conversation, in the list that was filtered."""
    page = redirect("dashboard:conversation", request.organisation.slug, chat.pk)
    if request.META["QUERY_STRING"]:
        page["Location"] += f"?{request.META['QUERY_STRING']}"
    return page
