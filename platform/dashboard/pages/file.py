"""One file: its text and chunks, who answers from it, and what a question would find."""

import re
from typing import Any, Final

from django.contrib import messages
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from chatbots import files as attached
from chatbots import making
from chatbots.models import Chatbot
from dashboard import file_states
from dashboard.access import TeamRequest, actor_of, organisation_view
from dashboard.chatbot_pages import WRITE
from dashboard.file_states import Use
from files import receiving, storage
from files.models import StoredFile
from files.views import INLINE_NEVER
from knowledge import adding, search, tasks
from knowledge.models import Chunk, Status, StoreFile
from knowledge.schemas import LONGEST_QUERY, FileAdd
from knowledge.search import Hit, Wish

PREVIEW: Final = 4000
CHUNKS: Final = 20
BEST: Final = 5
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
ASKING: Final = "inference"
"""A question's vector is paid for, where there is a model to make one."""


@organisation_view(scope="files:read")
def file(request: TeamRequest, file_id: str) -> HttpResponse:
    stored = _find(request, file_id)
    uses = file_states.uses(_uses(stored).order_by("-created_at"))
    names = file_states.users(request.organisation.id, uses)
    known = [use for use in uses if use.row.status == Status.COMPLETED]
    mine = Chatbot.objects.filter(organisation=request.organisation)
    shown = {
        "file": stored,
        "uses": [(use, names[use.row.store_id]) for use in uses],
        "bots": mine.filter(store_id__in=names).order_by("title"),
        "others": mine.exclude(store_id__in=names).order_by("title"),
        "failed": any(use.row.status == Status.FAILED for use in uses),
        "goes_on": any(use.state.goes_on for use in uses),
        "preview": _preview(stored),
        "may_write": "files:write" in request.membership.scopes,
        "may_attach": WRITE in request.membership.scopes,
        "may_ask": ASKING in request.membership.scopes,
        **_chunks(request, known),
        **_asked(request, known),
    }
    return render(request, "dashboard/file.html", shown)


@organisation_view(scope="files:read")
def download(request: TeamRequest, file_id: str) -> FileResponse:
    stored = _find(request, file_id)
    try:
        content = storage.open_file(stored.storage_name)
    except FileNotFoundError as error:  # it was deleted a moment ago
        raise Http404 from error
    return FileResponse(
        content, as_attachment=True, filename=stored.filename,
        content_type="application/octet-stream", headers=INLINE_NEVER,
    )  # fmt: skip


@require_POST
@organisation_view(scope="files:write")
def delete(request: TeamRequest, file_id: str) -> HttpResponse:
    stored = _find(request, file_id)
    receiving.forget(stored)
    messages.success(request, _("%(name)s is deleted.") % {"name": stored.filename})
    return redirect("dashboard:files", request.organisation.slug)


@require_POST
@organisation_view(scope="files:write")
def retry(request: TeamRequest, file_id: str) -> HttpResponse:
    """Read anew where its reading has failed."""
    stored = _find(request, file_id)
    for row in _uses(stored).filter(status=Status.FAILED).select_related("store"):
        adding.add(row.store, [FileAdd(file_id=stored.id)], param="file_id")
    tasks.wake()
    return redirect("dashboard:file", request.organisation.slug, stored.id)


@require_POST
@organisation_view(scope=WRITE)
def attach(request: TeamRequest, file_id: str) -> HttpResponse:
    """To a chatbot. Raises NotFound."""
    stored = _find(request, file_id)
    chatbot = making.find(request.organisation.id, request.POST.get("chatbot", ""))
    attached.attach(chatbot, stored.id)
    told = _("%(title)s answers from it as soon as it is read.") % {"title": chatbot.title}
    messages.success(request, told)
    return redirect("dashboard:file", request.organisation.slug, stored.id)


def _find(request: TeamRequest, file_id: str) -> StoredFile:
    mine = StoredFile.objects.all().for_organisation(request.organisation.id)
    stored = mine.filter(pk=file_id).first()
    if stored is None:
        raise Http404
    return stored


def _uses(stored: StoredFile) -> QuerySet[Any]:
    mine = StoreFile.objects.all().for_organisation(stored.organisation_id)
    return mine.filter(file_id=stored.id)


def _chunks(request: TeamRequest, known: list[Use]) -> dict[str, Any]:
    """Of its newest reading, from the chunk that `?chunk=<id>` names."""
    if not known:
        return {}
    uses = [use.row.pk for use in known]
    theirs = Chunk.objects.filter(organisation=request.organisation, store_file__in=uses)
    asked = request.GET.get("chunk", "")
    named = theirs.filter(pk=int(asked)).first() if _NUMBER.fullmatch(asked) else None
    begin = named.place if named else 0
    found = theirs.filter(store_file=named.store_file_id if named else uses[0]).defer("words")
    chunks = list(found.filter(place__gte=begin).order_by("place")[: CHUNKS + 1])
    return {
        "chunks": chunks[:CHUNKS],
        "next_chunk": chunks[CHUNKS].pk if len(chunks) > CHUNKS else None,
        "begin": begin,
    }


def _asked(request: TeamRequest, known: list[Use]) -> dict[str, Any]:
    """What `?ask=` finds in the stores that hold this file, as a model would be given it."""
    question = request.GET.get("ask", "").replace("\0", "").strip()[:LONGEST_QUERY]
    if not question or not known or ASKING not in request.membership.scopes:
        return {}
    stores = list(dict.fromkeys(use.row.store_id for use in known))
    asked = request.GET.get("store", "")
    chosen = asked if asked in stores else stores[0]
    caller = actor_of(request).caller
    hits: list[Hit] = search.search(caller, [chosen], [question], Wish(most=BEST))
    return {"ask": question, "hits": hits, "store": chosen}


def _preview(stored: StoredFile) -> str:
    """The beginning of a text; empty for what is none."""
    if not stored.content_type.startswith(("text/", "application/json")):
        return ""
    try:
        with storage.open_file(stored.storage_name) as content:
            beginning: bytes = content.read(PREVIEW)
    except FileNotFoundError:
        return ""
    return beginning.decode(errors="replace")
