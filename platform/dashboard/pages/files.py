"""Files of the team: upload with the progress of its bytes, what they are, delete."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.http import FileResponse, Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from api.errors import ApiError
from dashboard import paging
from dashboard.access import TeamRequest, organisation_view
from dashboard.forms import Form
from files import receiving, storage
from files.models import Space, StoredFile
from files.views import INLINE_NEVER
from knowledge.models import Chunk, StoreFile

PREVIEW: Final = 4000
CHUNKS: Final = 20
SCRIPT: Final = "application/json"
"""What file-drop.js says that it accepts."""
PURPOSES: Final = {
    "user_data": gettext_lazy("Questions about it"),
    "assistants": gettext_lazy("Knowledge"),
    "batch": gettext_lazy("Batch of requests"),
    "vision": gettext_lazy("Pictures"),
}


class UploadForm(Form):
    file = forms.FileField(label=gettext_lazy("File"))
    purpose = forms.ChoiceField(
        label=gettext_lazy("For"), choices=list(PURPOSES.items()), initial="assistants"
    )


@organisation_view(scope="files:read")
def files(request: TeamRequest) -> HttpResponse:
    return _list(request, UploadForm())


@require_POST
@organisation_view(scope="files:write")
def upload(request: TeamRequest) -> HttpResponseBase:
    form = UploadForm(request.POST, request.FILES)
    if form.is_valid():
        given: UploadedFile[Any] = form.cleaned_data["file"]
        try:
            stored = receiving.receive(
                request.organisation.id,
                receiving.Incoming(
                    stream=given.file,  # type: ignore[arg-type]  # a file by its own stubs' better half
                    filename=given.name or "",
                    size=given.size or 0,
                    purpose=form.cleaned_data["purpose"],
                ),
            )
        except ApiError as error:
            form.refuse(error)
        else:
            messages.success(request, _("%(name)s is here.") % {"name": stored.filename})
            if request.headers.get("Accept") == SCRIPT:
                return HttpResponse(status=201)  # it reloads the page when the last file is here
            return redirect("dashboard:files", request.organisation.slug)
    return _list(request, form, 422)


@organisation_view(scope="files:read")
def file(request: TeamRequest, file_id: str) -> HttpResponse:
    stored = _find(request, file_id)
    uses = StoreFile.objects.for_organisation(request.organisation.id).filter(file_id=file_id)
    chunks = Chunk.objects.filter(
        organisation=request.organisation, store_file__in=uses[:1].values("pk")
    )
    shown = {
        "file": stored,
        "uses": uses.select_related("store").order_by("-created_at"),
        "chunks": chunks.order_by("place")[:CHUNKS],
        "preview": _preview(stored),
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
    return redirect(reverse("dashboard:files", args=[request.organisation.slug]))


def _list(request: TeamRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    shown = {
        "page": paging.of(_found(request), request.GET),
        "form": form,
        "space": Space.objects.filter(pk=request.organisation.id).first(),
        "purposes": PURPOSES,
        "purpose": request.GET.get("purpose", ""),
        "q": paging.search(request.GET),
        "may_write": "files:write" in request.membership.scopes,
    }
    return render(request, "dashboard/files.html", shown, status=status)


def _found(request: TeamRequest) -> QuerySet[StoredFile]:
    found = StoredFile.objects.all().for_organisation(request.organisation.id)
    if text := paging.search(request.GET):
        found = found.filter(filename__icontains=text)
    if (purpose := request.GET.get("purpose")) in StoredFile.Purpose.values:
        found = found.filter(purpose=purpose)
    return found


def _find(request: TeamRequest, file_id: str) -> StoredFile:
    mine = StoredFile.objects.all().for_organisation(request.organisation.id)
    stored = mine.filter(pk=file_id).first()
    if stored is None:
        raise Http404
    return stored


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
