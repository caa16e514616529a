"""What stands around every page: team, navigation, balance; asked for when a template needs it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Membership, User
from chatbots.models import Chatbot
from dashboard import access, balance, marks, navigation, troubles
from dashboard.troubles import Trouble
from inference.models import ServedModel

THEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class Status:
    state: str
    words: str


@dataclass(frozen=True)
class Frame:
    user: User
    membership: Membership | None
    teams: list[Membership]
    current: str
    """The route's name: which entry of the navigation is lit."""

    @cached_property
    def balance(self) -> balance.Balance | None:
        if self.membership is None or "usage:read" not in self.membership.scopes:
            return None
        return balance.of(self.membership.organisation_id)

    @cached_property
    def served(self) -> list[ServedModel]:
        """The models that this team may call."""
        return troubles.models(self.membership.organisation_id) if self.membership else []

    @cached_property
    def troubles(self) -> list[Trouble]:
        """What does not work now; for the banner over every page."""
        return troubles.of(self.served) if self.membership else []

    @property
    def troubles_mark(self) -> str:
        return marks.of(self.troubles)

    @cached_property
    def status(self) -> Status:
        if self.troubles:
            return Status("bad", _("Something is down"))
        states = [model.state for model in self.served]
        failed = states.count(ServedModel.State.FAILED)
        if failed:
            words = ngettext("%(n)d model failed", "%(n)d models failed", failed) % {"n": failed}
            return Status("bad", words)
        if ServedModel.State.INSTALLED in states:
            return Status("live", _("All models up"))
        return Status("look", _("No model yet"))

    @cached_property
    def links(self) -> list[navigation.Link]:
        if self.membership is None:
            return []
        member = self.membership
        return navigation.links(member.organisation.slug, member.scopes, self.current)

    @cached_property
    def chatbots(self) -> int:
        """How many the team has, beside their entry."""
        if self.membership is None:
            return 0
        return Chatbot.objects.all().for_organisation(self.membership.organisation_id).count()

    @cached_property
    def tabs(self) -> list[navigation.Link]:
        return navigation.tabs(self.links)[0]

    @cached_property
    def more(self) -> list[navigation.Link]:
        return navigation.tabs(self.links)[1]

    @property
    def is_under_more(self) -> bool:
        return any(link.is_current for link in self.more)


def context(request: HttpRequest) -> dict[str, Any]:
    """A context processor: `frame` (lazy, only for the signed in) and `theme`."""
    theme = request.COOKIES.get("theme", "")
    return {
        "frame": SimpleLazyObject(lambda: of(request)),
        "theme": theme if theme in THEMES else "",
    }


def of(request: HttpRequest) -> Frame | None:
    """Also for pages of no team, such as one's own account: there it shows the last one."""
    user = cast("User | AnonymousUser | None", getattr(request, "user", None))
    if user is None or not user.is_authenticated:
        return None
    teams = getattr(request, "teams", None) or access.teams_of(user)
    membership = getattr(request, "membership", None) or _last(request, teams)
    match = request.resolver_match
    return Frame(user, membership, teams, match.url_name or "" if match else "")


def _last(request: HttpRequest, teams: list[Membership]) -> Membership | None:
    slug = request.session.get(access.LAST_TEAM)
    named = (member for member in teams if member.organisation.slug == slug)
    return next(named, teams[0] if teams else None)
