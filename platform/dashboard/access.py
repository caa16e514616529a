"""Who may open a page of a team: signed in, a member, with the scope that the page needs.

    @organisation_view(scope="keys:write")
    def api_keys(request: TeamRequest) -> HttpResponse: ...

The address begins with the team's slug; the view does not see it, it finds `request.teams`,
`request.organisation`, `request.membership` and `request.role`. Strangers get 404, members without
the scope 403.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

from accounts.actor import Actor
from accounts.authentication import Caller
from accounts.models import Membership, Organisation, User
from api import addresses
from api.errors import ApiError, Forbidden, NotFound
from api.rate_limits import Limits
from dashboard import errors, labels

LAST_TEAM: Final = "organisation"
"""Where the session keeps the slug of the team that was open last."""

_UNLIMITED: Final = Limits(requests_per_minute=2**31 - 1, tokens_per_minute=2**31 - 1)


class TeamRequest(HttpRequest):
    """What a view behind `organisation_view` receives."""

    user: User
    teams: list[Membership]
    organisation: Organisation
    membership: Membership
    role: str


TeamView = Callable[..., HttpResponseBase]


def organisation_view(*, scope: str | None = None) -> Callable[[TeamView], TeamView]:
    """For `/dashboard/<organisation>/…`; `scope` None: every member."""

    def wrap(view: TeamView) -> TeamView:
        @wraps(view)
        def page(request: TeamRequest, organisation: str, **route: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return redirect_to_login(request.get_full_path())
            _enter(request, organisation)
            if scope is not None and scope not in request.membership.scopes:
                raise PermissionDenied(role_needed(request))
            response = _answer(view, request, route)
            response.headers.setdefault("Cache-Control", "private, no-store")
            return response

        return page

    return wrap


def role_needed(request: TeamRequest) -> str:
    told = {"role": labels.WORDS[request.role], "team": request.organisation.name}
    return (
        _("Your role (%(role)s) may not open this page. An owner of %(team)s can change it.") % told
    )


def actor_of(request: TeamRequest) -> Actor:
    """The member as one who acts: bound by their role, by no key."""
    caller = Caller(
        organisation_id=request.organisation.id,
        key_id="",
        meter_id="",
        scopes=request.membership.scopes,
        allowed_models=None,
        limits=_UNLIMITED,
        default_model=request.organisation.default_model,
        budget_nano=None,
        budget_period=None,
        user_id=request.user.id,
    )
    return Actor(caller, addresses.of_request(request))


def _enter(request: TeamRequest, slug: str) -> None:
    """Raises Http404 for a team that is not theirs as for one that never was."""
    request.teams = teams_of(request.user)
    mine = (member for member in request.teams if member.organisation.slug == slug)
    if (membership := next(mine, None)) is None:
        raise Http404
    request.membership = membership
    request.organisation = membership.organisation
    request.role = membership.role
    if request.session.get(LAST_TEAM) != slug:
        request.session[LAST_TEAM] = slug


def _answer(view: TeamView, request: TeamRequest, route: dict[str, Any]) -> HttpResponseBase:
    try:
        return view(request, **route)
    except NotFound as error:
        raise Http404 from error
    except Forbidden as error:
        raise PermissionDenied(error.message) from error
    except ApiError as error:
        return errors.page(request, error)


def teams_of(user: User) -> list[Membership]:
    """Memberships by the names of their teams."""
    members = Membership.objects.filter(user=user).select_related("organisation")
    return list(members.order_by("organisation__name", "pk"))
