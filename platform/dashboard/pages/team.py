"""The team: who belongs to it, in which role, who is invited; and the record of what they did."""

from typing import Any, Final

from django import forms
from django.contrib import messages
from django.db.models import CharField, Q, Value
from django.db.models.functions import Coalesce, Lower, NullIf
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts import invitations, members
from accounts.models import AuditEntry, Invitation, Membership, User
from accounts.scopes import OF_ROLE
from api.errors import ApiError
from api.rate_limits import Limits, take_request
from dashboard import paging, sorting
from dashboard.access import TeamRequest, actor_of, organisation_view
from dashboard.forms import Form

INVITATIONS: Final = Limits(requests_per_minute=20, tokens_per_minute=1)
_CALLED: Final = Coalesce(NullIf("user__name", Value("")), "user__email", output_field=CharField())
COLUMNS: Final[paging.Columns] = {
    "name": Lower(_CALLED),
    "role": "role",
    "signed-in": Coalesce("user__last_login", sorting.NEVER),
    "since": "created_at",
}
ROLES: Final = {
    "owner": gettext_lazy("Owner: everything"),
    "admin": gettext_lazy("Admin: everything but paying"),
    "developer": gettext_lazy("Developer: keys, files, chatbots"),
    "billing": gettext_lazy("Billing: usage and paying"),
    "analyst": gettext_lazy("Analyst: usage, read only"),
}


class InviteForm(Form):
    email = forms.EmailField(label=gettext_lazy("Email address"), max_length=254)
    role = forms.ChoiceField(label=gettext_lazy("Role"))

    def __init__(self, *args: Any, held: frozenset[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role = self.fields["role"]
        assert isinstance(role, forms.ChoiceField)  # noqa: S101 - declared above
        role.choices = roles_within(held)
        role.initial = Membership.Role.DEVELOPER


def roles_within(held: frozenset[str]) -> list[tuple[str, str]]:
    """Nobody hands on more than they have."""
    return [(name, str(said)) for name, said in ROLES.items() if OF_ROLE[name] <= held]


@organisation_view(scope="admin")
def team(request: TeamRequest) -> HttpResponse:
    form = InviteForm(request.POST or None, held=request.membership.scopes)
    if request.method == "POST" and form.is_valid():
        try:
            take_request(f"invitations of {request.organisation.id}", INVITATIONS)
            invitation, token = invitations.invite(
                request.organisation, form.cleaned_data["email"], form.cleaned_data["role"],
                request.user, actor_of(request).address,
            )  # fmt: skip
        except ApiError as error:
            form.refuse(error)
        else:
            link = request.build_absolute_uri(reverse("invitation", args=[token]))
            fresh = InviteForm(held=request.membership.scopes)
            return _team(request, fresh, new={"invitation": invitation, "link": link})
    return _team(request, form, status=422 if form.is_bound else 200)


@require_POST
@organisation_view(scope="admin")
def member_role(request: TeamRequest, member_id: str) -> HttpResponseBase:
    members.change_role(
        request.organisation.id, member_id, request.POST.get("role", ""), request.user,
        actor_of(request).address,
    )  # fmt: skip
    messages.success(request, _("The role is changed; it counts from the next request on."))
    return redirect("dashboard:team", request.organisation.slug)


@require_POST
@organisation_view(scope="admin")
def member_removal(request: TeamRequest, member_id: str) -> HttpResponseBase:
    address = actor_of(request).address
    members.remove(request.organisation.id, member_id, request.user, address)
    messages.success(request, _("They are no member any more, and their keys have stopped."))
    return redirect("dashboard:home" if _has_left(request) else _here(request))


@require_POST
@organisation_view(scope="admin")
def uninvite(request: TeamRequest, invitation_id: str) -> HttpResponseBase:
    address = actor_of(request).address
    invitations.revoke(request.organisation.id, invitation_id, request.user, address)
    messages.success(request, _("The link opens nothing any more."))
    return redirect(_here(request))


@organisation_view(scope="admin")
def audit(request: TeamRequest) -> HttpResponse:
    entries = AuditEntry.objects.all().for_organisation(request.organisation.id)
    if text := paging.search(request.GET):
        entries = entries.filter(
            Q(action__icontains=text) | Q(target__startswith=text) | Q(actor__startswith=text)
        )
    page = paging.of(entries, request.GET)
    actors = User.objects.filter(pk__in={entry.actor for entry in page.rows})
    shown = {
        "page": page,
        "names": {user.pk: user.name or user.email for user in actors},
        "q": paging.search(request.GET),
    }
    return render(request, "dashboard/audit.html", shown)


def _team(
    request: TeamRequest, form: InviteForm, new: dict[str, Any] | None = None, status: int = 200
) -> HttpResponse:
    mine = Membership.objects.all().for_organisation(request.organisation.id)
    if text := paging.search(request.GET):
        mine = mine.filter(Q(user__email__icontains=text) | Q(user__name__icontains=text))
    shown = {
        "page": paging.of(mine.select_related("user"), request.GET, columns=COLUMNS),
        "open": Invitation.objects.for_organisation(request.organisation.id).open(),
        "roles": roles_within(request.membership.scopes),
        "form": form,
        "new": new,
        "q": paging.search(request.GET),
    }
    return render(request, "dashboard/team.html", shown, status=status)


def _has_left(request: TeamRequest) -> bool:
    mine = Membership.objects.all().for_organisation(request.organisation.id)
    return not mine.filter(user=request.user).exists()


def _here(request: TeamRequest) -> str:
    return reverse("dashboard:team", args=[request.organisation.slug])
