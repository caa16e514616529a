"""Files of the team: upload with the progress of its bytes, how far they are read, by whom."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.db.models.functions import Lower
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from api.errors import ApiError
from dashboard import file_states, paging
from dashboard.access import TeamRequest, organisation_view
from dashboard.forms import Form
from files import receiving
from files.models import Space, StoredFile
from knowledge.models import Status, StoreFile

SCRIPT: Final = "application/json"
"""What file-drop.js says that it accepts."""
COLUMNS: Final = {"name": "name_sorted", "size": "size", "added": "created_at"}
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
            stored = receive(request, given, form.cleaned_data["purpose"])
        except ApiError as error:
            form.refuse(error)
        else:
            messages.success(request, _("%(name)s is here.") % {"name": stored.filename})
            if request.headers.get("Accept") == SCRIPT:
                return HttpResponse(status=201)  # it reloads the page when the last file is here
            return redirect("dashboard:files", request.organisation.slug)
    return _list(request, form, 422)


def receive(request: TeamRequest, given: "UploadedFile[Any]", purpose: str) -> StoredFile:
    """Raises InvalidRequest, StorageQuotaExceeded, StorageFull."""
    incoming = receiving.Incoming(
        stream=given.file,  # type: ignore[arg-type]  # a file by its own stubs' better half
        filename=given.name or "",
        size=given.size or 0,
        purpose=purpose,
    )
    return receiving.receive(request.organisation.id, incoming)


def _list(request: TeamRequest, form: UploadForm, status: int = 200) -> HttpResponse:
    found = _found(request).annotate(name_sorted=Lower("filename"))
    page = paging.of(found, request.GET, columns=COLUMNS)
    rows = file_states.rows(request.organisation.id, page.rows)
    shown = {
        "page": page,
        "rows": rows,
        "goes_on": any(row.state.goes_on for row in rows),
        "failed": request.GET.get("state") == "failed",
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
    if request.GET.get("state") == "failed":
        failed = StoreFile.objects.all().for_organisation(request.organisation.id)
        found = found.filter(pk__in=failed.filter(status=Status.FAILED).values("file_id"))
    return found
