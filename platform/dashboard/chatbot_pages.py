"""What the pages of a single chatbot share: finding it, its head and tabs, saving its draft."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final, TypeVar

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from api.errors import ApiError
from chatbots import making, visitor_tokens
from chatbots.author import Author
from chatbots.finding import DRAFT
from chatbots.models import Chatbot, Version
from dashboard import chatbot_rows
from dashboard.access import TeamRequest, actor_of, organisation_view, role_needed
from dashboard.chatbot_forms import DraftForm
from inference import descriptions

READ, WRITE = "chatbots:read", "chatbots:write"  # as the API asks
TABS: Final = (
    ("chatbot", gettext_lazy("Build")),
    ("chatbot-embed", gettext_lazy("Embed")),
    ("chatbot-conversations", gettext_lazy("Conversations")),
    ("chatbot-usage", gettext_lazy("Usage")),
    ("chatbot-versions", gettext_lazy("Versions")),
    ("chatbot-settings", gettext_lazy("Settings")),
)
View = Callable[..., HttpResponseBase]
Shown = TypeVar("Shown", bound=DraftForm)


@dataclass(frozen=True, slots=True)
class Draft:
    """What came of a form: the chatbot as it is now, and whether the form was taken."""

    chatbot: Chatbot
    saved: bool


def chatbot_view(*, write: bool = False) -> Callable[[View], View]:
    """For `/chatbots/<name>/…`: the view gets the chatbot; a POST or `write` needs a builder."""

    def wrap(view: View) -> View:
        @organisation_view(scope=READ)
        @wraps(view)
        def page(request: TeamRequest, name: str, **route: Any) -> HttpResponseBase:
            if (write or request.method == "POST") and WRITE not in request.membership.scopes:
                raise PermissionDenied(role_needed(request))
            chatbot = making.find(request.organisation.id, name)
            if chatbot.name != name and request.method == "GET":
                return redirect(_by_new_name(request, chatbot))
            return view(request, chatbot, **route)

        return page

    return wrap


def _by_new_name(request: TeamRequest, chatbot: Chatbot) -> str:
    """This page's address after the chatbot was renamed."""
    match = request.resolver_match
    assert match is not None  # noqa: S101 - it has led to a view
    address = reverse(match.view_name, kwargs={**match.kwargs, "name": chatbot.name})
    return f"{address}?{request.GET.urlencode()}" if request.GET else address


def author_of(request: TeamRequest) -> Author:
    return Author.of(actor_of(request))


def save(chatbot: Chatbot, form: DraftForm, **also: Any) -> Draft:
    """The form's part of the draft; what the Configuration refuses is said at its field."""
    if form.is_valid():
        try:
            return Draft(making.change(chatbot, configuration=form.changes(), **also), saved=True)
        except ApiError as error:
            form.refuse(error)
    return Draft(chatbot, saved=False)


def shown(
    request: TeamRequest,
    template: str,
    chatbot: Chatbot,
    context: Mapping[str, Any],
    status: int = 200,
) -> HttpResponse:
    """A page under the chatbot's head and tabs."""
    may_write = WRITE in request.membership.scopes
    around = {**head(chatbot), "tabs": TABS, "may_write": may_write}
    return render(request, template, {**around, **context}, status=status)


def head(chatbot: Chatbot) -> dict[str, Any]:
    """Its state, and which version would be published next."""
    kind, words = chatbot_rows.state_now(chatbot)
    state = {"kind": kind, "words": words}
    return {"chatbot": chatbot, "state": state, "next_version": _next(chatbot)}


def preview(request: TeamRequest, chatbot: Chatbot, of: str = DRAFT, talk: str = "") -> str:
    """A token to try the draft with, or what else `of` says (finding.tried), in a `talk` of its
    own; empty for who only reads: a try costs money."""
    if WRITE not in request.membership.scopes:
        return ""
    return visitor_tokens.preview(request.organisation.id, chatbot.id, request.user.id, of, talk)


def models(request: TeamRequest) -> list[str]:
    """What this team can call to chat."""
    known = descriptions.of_all(request.organisation.id)
    return [row.id for row in known if row.status == "installed" and "chat" in row.capabilities]


def said(draft: Draft) -> str:
    return _("Saved in the draft. Visitors meet it when you publish.") if draft.saved else ""


def _next(chatbot: Chatbot) -> int:
    newest = Version.objects.filter(chatbot=chatbot).order_by("-number").first()
    return newest.number + 1 if newest else 1
