"""Files of the team: upload with the progress of its bytes, how far they are read, by whom."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db.models import Count, QuerySet
from django.db.models.functions import Lower
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from api.errors import ApiError
from dashboard import file_states, labels, paging
from dashboard.access import TeamRequest, organisation_view
from dashboard.forms import Form
from files import receiving
from files.models import Space, StoredFile
from knowledge.models import Status, StoreFile

SCRIPT: Final = "application/json"
"""What file-drop.js says that it accepts."""
COLUMNS: Final[paging.Columns] = {"name": Lower("filename"), "size": "size", "added": "created_at"}
PURPOSES: Final = ("assistants", "user_data", "fine-tune", "batch", "vision")
"""What people upload files for."""


class UploadForm(Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=forms.FileInput(attrs={"class": "input without-script"}),
    )
    purpose = forms.ChoiceField(
        label=gettext_lazy("For"),
        choices=[(name, labels.WORDS[name]) for name in PURPOSES],
        widget=forms.Select(attrs={"class": "input input-chip"}),
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
    page = paging.of(_found(request), request.GET, columns=COLUMNS)
    rows = file_states.rows(request.organisation.id, page.rows)
    shown = {
        "page": page,
        "rows": rows,
        "goes_on": any(row.state.goes_on for row in rows),
        "failed": _failed(request).values("file_id").distinct().count(),
        "form": form,
        "space": Space.objects.filter(pk=request.organisation.id).first(),
        "purposes": _purposes(request),
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
        found = found.filter(pk__in=_failed(request).values("file_id"))
    return found


def _failed(request: TeamRequest) -> QuerySet[StoreFile]:
    mine = StoreFile.objects.all().for_organisation(request.organisation.id)
    return mine.filter(status=Status.FAILED)


def _purposes(request: TeamRequest) -> list[tuple[str, str | Promise, int]]:
    """Those of the team's files, with how many there are, and the one that is asked for."""
    mine = StoredFile.objects.all().for_organisation(request.organisation.id).order_by()
    there = dict(mine.values_list("purpose").annotate(n=Count("pk")))
    asked = request.GET.get("purpose", "")
    known = [name for name in labels.WORDS if name in StoredFile.Purpose.values]
    return [
        (name, labels.WORDS[name], there.get(name, 0)) for name in known if name in {asked, *there}
    ]
