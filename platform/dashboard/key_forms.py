"""The form of an API key; what it may say is decided by the API's own serializer."""

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts import names, scopes
from accounts.models import APIKey
from accounts.serializers import APIKeyChangeSerializer, APIKeyCreateSerializer
from billing.pricing import usd
from dashboard.forms import Form, problems

if TYPE_CHECKING:
    from dashboard.access import TeamRequest

KINDS: Final = {
    "secret": _("Secret, for servers"),
    "publishable": _("Publishable, for widgets"),
}
LIVES: Final = {"30": _("30 days"), "90": _("90 days"), "365": _("a year")}
PERIODS: Final = {"month": _("a month"), "day": _("a day"), "total": _("in all")}
SAID: Final = {
    "inference": _("Generate answers"),
    "models:read": _("Read models and prices"),
    "files:read": _("Read files"),
    "files:write": _("Upload and delete files"),
    "chatbots:read": _("Read chatbots and conversations"),
    "chatbots:write": _("Change chatbots"),
    "usage:read": _("Read usage and balance"),
    "billing:write": _("Add funds"),
    "keys:write": _("Make and revoke keys"),
    "admin": _("Change the team"),
}


class KeyForm(Form):
    name = forms.CharField(
        label=_("Name"), max_length=names.LONGEST,
        help_text=_("What will hold it. Only your team sees this."),
    )  # fmt: skip
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=list(KINDS.items()),
        widget=forms.RadioSelect,
        initial="secret",
        help_text=_("A publishable key opens chat widgets and nothing else."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("May"), required=False, widget=forms.CheckboxSelectMultiple
    )
    requests_per_minute = forms.IntegerField(
        label=_("Requests a minute"), min_value=1, max_value=2**31 - 1, initial=60
    )
    tokens_per_minute = forms.IntegerField(
        label=_("Tokens a minute"), min_value=1, max_value=2**31 - 1, initial=150_000
    )
    budget = forms.CharField(
        label=_("Budget in $"), required=False, help_text=_("Empty: the balance is the limit.")
    )
    budget_period = forms.ChoiceField(
        label=_("Counted"), choices=list(PERIODS.items()), required=False
    )
    lives = forms.ChoiceField(
        label=_("Ends after"), choices=[("", _("never")), *LIVES.items()], required=False
    )
    cidrs = forms.CharField(
        label=_("Only from"), required=False,
        help_text=_("Networks such as 10.0.0.0/8, with commas between. Empty: from anywhere."),
    )  # fmt: skip
    allowed_models = forms.CharField(
        label=_("Only these models"), required=False, help_text=_("Commas between. Empty: all.")
    )

    def __init__(
        self, *args: Any, request: "TeamRequest", key: APIKey | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        held = request.membership.scopes
        offered = [name for name in scopes.DESCRIPTIONS if name in held]
        scope_field = self.fields["scopes"]
        assert isinstance(scope_field, forms.MultipleChoiceField)  # noqa: S101 - declared above
        scope_field.choices = [(name, SAID.get(name, name)) for name in offered]
        scope_field.initial = [name for name in ("inference", "models:read") if name in held]
        self.key = key
        if key is not None:
            del self.fields["kind"], self.fields["lives"]

    @classmethod
    def of(cls, key: APIKey, request: "TeamRequest") -> "KeyForm":
        return cls(
            request=request,
            key=key,
            initial={
                "name": key.name,
                "scopes": key.scopes,
                "requests_per_minute": key.requests_per_minute,
                "tokens_per_minute": key.tokens_per_minute,
                "budget": "" if key.budget_nano is None else usd(key.budget_nano),
                "budget_period": key.budget_period or "month",
                "cidrs": ", ".join(key.cidrs),
                "allowed_models": ", ".join(key.allowed_models or ()),
            },
        )

    def checked(self) -> dict[str, Any] | None:
        """The fields as `accounts.keys` takes them; None: errors stand at their fields."""
        kind = APIKeyCreateSerializer if self.key is None else APIKeyChangeSerializer
        serializer = kind(data=self._as_request())
        if serializer.is_valid():
            fields: dict[str, Any] = serializer.validated_data
            return fields
        self.refuse_all(problems(serializer.errors))
        return None

    def _as_request(self) -> dict[str, Any]:
        """What a caller of the API would send."""
        given = self.cleaned_data
        budget = given["budget"].strip().removeprefix("$")
        is_publishable = (given.get("kind") or getattr(self.key, "kind", "")) == "publishable"
        asked = {
            "name": given["name"],
            "scopes": [] if is_publishable else given["scopes"],
            "requests_per_minute": given["requests_per_minute"],
            "tokens_per_minute": given["tokens_per_minute"],
            "budget": budget or None,
            "budget_period": (given["budget_period"] or "month") if budget else None,
            "cidrs": _words(given["cidrs"]),
            "allowed_models": _words(given["allowed_models"]) or None,
        }
        if self.key is None:
            asked["kind"] = given["kind"]
            asked["expires_at"] = _end(given["lives"])
        return asked


def _words(text: str) -> list[str]:
    return [word for word in text.replace(",", " ").split() if word]


def _end(lives: str) -> str | None:
    return (timezone.now() + timedelta(days=int(lives))).isoformat() if lives in LIVES else None
