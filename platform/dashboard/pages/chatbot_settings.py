"""Settings of a chatbot: names, budgets, how long conversations are kept, its secret, its end."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import Membership
from api.errors import ApiError
from chatbots import making, naming, states, transferring
from chatbots.configuration import Configuration
from chatbots.models import Chatbot, FormerName
from chatbots.states import Spent
from dashboard import chatbot_pages
from dashboard.access import TeamRequest
from dashboard.chatbot_forms import RenameForm, SettingsForm
from dashboard.chatbot_pages import author_of, chatbot_view


@chatbot_view()
def settings(request: TeamRequest, chatbot: Chatbot) -> HttpResponseBase:
    form = SettingsForm(draft=chatbot.draft)
    if request.method == "POST":
        form = SettingsForm(request.POST, draft=chatbot.draft)
        title = request.POST.get("title", "").strip()[:120] or None
        draft = chatbot_pages.save(chatbot, form, title=title)
        if draft.saved:
            messages.success(request, chatbot_pages.said(draft))
            return _settings_of(request, chatbot.name)
    return _page(request, chatbot, status=422 if form.is_bound else 200, form=form)


@require_POST
@chatbot_view()
def secret(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    """The identity secret, on request alone."""
    return _page(request, chatbot, secret=chatbot.secret)


@require_POST
@chatbot_view()
def rename(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    form = RenameForm(request.POST)
    if form.is_valid():
        try:
            naming.rename(chatbot, author_of(request), form.cleaned_data["name"])
        except ApiError as error:
            form.refuse(error)
        else:
            messages.success(request, _("Renamed. Old links and calls go on."))
            return _settings_of(request, form.cleaned_data["name"])
    return _page(request, chatbot, status=422, rename=form)


@require_POST
@chatbot_view()
def transfer(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    """To another team of which this person is an owner, as they are of this one."""
    to = _others(request).filter(organisation__slug=request.POST.get("team", "")).first()
    if to is None or not _is_owner(request):
        raise PermissionDenied(_("Owners of both teams move a chatbot."))
    if request.POST.get("name") != chatbot.name:
        messages.error(request, _("Nothing is moved: the name was not typed."))
        return _settings_of(request, chatbot.name)
    moved = transferring.transfer(chatbot, to.organisation_id, author_of(request))
    messages.success(
        request, _("%(title)s is here now. Its snippets have a new key.") % {"title": moved.title}
    )
    return redirect("dashboard:chatbot-embed", to.organisation.slug, moved.name)


@require_POST
@chatbot_view()
def delete(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    if request.POST.get("name") != chatbot.name:
        messages.error(request, _("Nothing is deleted: the name was not typed."))
        return _settings_of(request, chatbot.name)
    making.delete(chatbot, author_of(request))
    messages.success(
        request, _("%(title)s is deleted, with its conversations.") % {"title": chatbot.title}
    )
    return redirect("dashboard:chatbots", request.organisation.slug)


def _page(
    request: TeamRequest, chatbot: Chatbot, *, status: int = 200, **changes: Any
) -> HttpResponse:
    context = {
        "form": SettingsForm(draft=chatbot.draft),
        "rename": RenameForm(initial={"name": chatbot.name}),
        "former_names": FormerName.objects.filter(chatbot=chatbot),
        "others": _others(request) if _is_owner(request) else [],
        "spent": _spent(chatbot),
        **changes,
    }
    return chatbot_pages.shown(request, "dashboard/chatbot_settings.html", chatbot, context, status)


def _settings_of(request: TeamRequest, name: str) -> HttpResponse:
    return redirect("dashboard:chatbot-settings", request.organisation.slug, name)


def _is_owner(request: TeamRequest) -> bool:
    return request.role == Membership.Role.OWNER


def _others(request: TeamRequest) -> QuerySet[Membership]:
    """Where else this person is an owner."""
    owned = Membership.objects.filter(user=request.user, role=Membership.Role.OWNER)
    elsewhere = owned.exclude(organisation=request.organisation)
    return elsewhere.select_related("organisation").order_by("organisation__name")


def _spent(chatbot: Chatbot) -> list[tuple[str, int, int | None, float]]:
    """(period, spent, of which budget, the share) of the live version; None: no budget."""
    so_far = states.spent([chatbot]).get(chatbot.id, Spent())
    known = chatbot.live.configuration if chatbot.live else chatbot.draft
    budget = Configuration.model_validate(known).budget
    day = (_("Today"), so_far.day, budget.day_nano)
    told = (day, (_("This month"), so_far.month, budget.month_nano))
    return [(name, used, most, used / most if most else 0.0) for name, used, most in told]
