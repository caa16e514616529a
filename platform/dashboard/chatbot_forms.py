"""Forms over a chatbot's draft; what they may say is decided by its Configuration."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django import forms
from django.utils.translation import get_language, gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from chatbots.configuration import Configuration
from dashboard.forms import Form

TEMPLATES: Final[dict[str, dict[str, Any]]] = {
    "support": {
        "system_prompt": gettext_noop(
            "You answer questions of our customers. Use only the sources that you are given. "
            "If they do not say, say so. Be brief: three sentences at most."
        ),
        "welcome": gettext_noop("Hello! Ask me anything about our service."),
        "suggested_prompts": [
            gettext_noop("What can you do?"),
            gettext_noop("How do I reach a person?"),
        ],
        "temperature": 0.3,
    },
    "json": {
        "system_prompt": gettext_noop(
            "Answer with the facts of the text as JSON, and nothing else."
        ),
        "welcome": gettext_noop("Paste a text; I answer in JSON."),
        "response_format": {"type": "json_object"},
        "temperature": 0.0,
    },
    "blank": {},
}
TEMPLATE_NAMES: Final = {
    "support": (_("Support from your pages"), _("Answers from files, with sources")),
    "json": (_("Document to JSON"), _("Text in, valid JSON out")),
    "blank": (_("Blank"), _("A prompt and a model")),
}


def begun_with(template: str) -> dict[str, Any]:
    """The configuration of a template, in the language of who begins with it."""
    words = TEMPLATES[template]
    spoken = (get_language() or "en").partition("-")[0]
    return {"languages": [spoken], **{name: _said(value) for name, value in words.items()}}


def _said(value: Any) -> Any:
    if isinstance(value, list):
        return [_said(each) for each in value]
    return gettext(value) if isinstance(value, str) else value


class NewChatbotForm(Form):
    title = forms.CharField(label=_("Name"), max_length=120)
    name = forms.SlugField(
        label=_("In addresses"), max_length=64, required=False,
        help_text=_("Lower case letters, digits and hyphens. Empty: made from the name."),
    )  # fmt: skip
    template = forms.ChoiceField(
        label=_("Begin with"),
        choices=[(key, name) for key, (name, _about) in TEMPLATE_NAMES.items()],
        widget=forms.RadioSelect,
        initial="support",
    )


class RenameForm(Form):
    name = forms.SlugField(
        label=_("Name in addresses and calls"), max_length=64,
        help_text=_("Lower case letters, digits and hyphens. Old links and calls go on."),
    )  # fmt: skip


class DraftForm(Form):
    """A part of the draft: the fields are the Configuration's, `limits.messages` with two _."""

    LISTS: ClassVar[tuple[str, ...]] = ()
    """Fields that are typed as lines, one value a line."""

    def __init__(self, *args: Any, draft: Mapping[str, Any], **kwargs: Any) -> None:
        super().__init__(*args, initial=self._shown(draft), **kwargs)

    def changes(self) -> dict[str, Any]:
        """What `making.change` takes as `configuration`."""
        changed: dict[str, Any] = {}
        for name, given in self.cleaned_data.items():
            value = _lines(given) if name in self.LISTS else given
            outer, _mark, inner = name.partition("__")
            if inner:
                changed.setdefault(outer, {})[inner] = value
            else:
                changed[outer] = value
        return changed

    def blame(self, name: str | None, message: str) -> None:
        """The API names `limits.messages`, or `allowed_origins.0`."""
        parts = re.split(r"[.\[]", (name or "").removeprefix("configuration."))
        known = ("__".join(parts[:2]), parts[0])
        field = next((each for each in known if each in self.fields), None)
        super().blame(field, _at_its_field(name, message) if name and field else message)

    def _shown(self, draft: Mapping[str, Any]) -> dict[str, Any]:
        # A draft of an earlier release may lack what a newer one has.
        whole = Configuration.model_validate(draft).stored()
        shown = {}
        for name in self.base_fields:
            outer, _mark, inner = name.partition("__")
            value = whole[outer][inner] if inner else whole[outer]
            shown[name] = "\n".join(value) if name in self.LISTS else value
        return shown


class EmbedForm(DraftForm):
    LISTS = ("allowed_origins",)

    allowed_origins = forms.CharField(
        label=_("Sites that may show it"), required=False,
        help_text=_("One a line: https://shop.example or https://*.example.com. Empty: none."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )  # fmt: skip
    access = forms.ChoiceField(
        label=_("Who may talk to it"),
        choices=[
            ("public", _("Every visitor of these sites")),
            ("signed", _("Visitors whom your server signs in")),
            ("private", _("API keys alone")),
        ],
    )
    theme__accent = forms.RegexField(
        r"^#[0-9a-fA-F]{6}$", label=_("Accent"), required=False,
        help_text=_("As #1f6f5c. Empty: ink."),
    )  # fmt: skip
    theme__scheme = forms.ChoiceField(
        label=_("Colours"),
        choices=[
            ("auto", _("As the device")),
            ("light", _("Light")),
            ("dark", _("Dark")),
        ],
    )
    theme__position = forms.ChoiceField(
        label=_("Corner"),
        choices=[("bottom-right", _("Right")), ("bottom-left", _("Left"))],
    )
    theme__radius = forms.IntegerField(label=_("Roundness, px"), min_value=0, max_value=32)
    theme__density = forms.ChoiceField(
        label=_("Density"),
        choices=[("comfortable", _("Comfortable")), ("compact", _("Compact"))],
    )
    theme__launcher = forms.ChoiceField(
        label=_("Button"), choices=[("icon", _("A mark")), ("text", _("Words"))]
    )
    theme__launcher_text = forms.CharField(label=_("Its words"), max_length=40, required=False)
    limits__messages = forms.IntegerField(
        label=_("Messages of a visitor"), min_value=1, max_value=10_000
    )
    limits__window_seconds = forms.IntegerField(
        label=_("in so many seconds"), min_value=1, max_value=86_400
    )
    limits__address_messages = forms.IntegerField(
        label=_("Messages of an address"), min_value=1, max_value=100_000
    )
    limits__text = forms.CharField(
        label=_("What they read when it is too much"), max_length=500, required=False,
        help_text=_("Empty: the widget's own words, in the visitor's language."),
    )  # fmt: skip
    disclosure = forms.CharField(
        label=_("What visitors are told"), max_length=500,
        help_text=_("Always visible: visitors have a right to know that this is an AI."),
    )  # fmt: skip

    def changes(self) -> dict[str, Any]:
        changed = super().changes()
        changed["theme"]["accent"] = changed["theme"]["accent"] or None
        return changed


class SettingsForm(DraftForm):
    LISTS = ("languages",)

    budget__day_usd = forms.CharField(
        label=_("Budget a day, $"), required=False, help_text=_("Empty: no limit a day.")
    )
    budget__month_usd = forms.CharField(
        label=_("Budget a month, $"), required=False, help_text=_("Empty: no limit a month.")
    )
    budget__resting_text = forms.CharField(
        label=_("What visitors read when it is used up"), max_length=500, required=False
    )
    retention_days = forms.IntegerField(
        label=_("Keep conversations for days"), min_value=0, max_value=3_650, required=False,
        help_text=_("0: nothing is kept. Empty: everything is."),
    )  # fmt: skip
    languages = forms.CharField(
        label=_("Languages"), required=False, help_text=_("One a line, as en or de-AT."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip
    stop_when_alone = forms.BooleanField(
        label=_("End an answer that nobody has read for a minute"), required=False
    )

    def changes(self) -> dict[str, Any]:
        changed = super().changes()
        for name in ("day_usd", "month_usd"):
            changed["budget"][name] = changed["budget"][name].strip().removeprefix("$") or None
        return changed


def _lines(text: str) -> list[str]:
    return [line for each in text.splitlines() if (line := each.strip())]


def _at_its_field(param: str, message: str) -> str:
    """Without the API's name of it, which no form shows; of a list, with the line."""
    told = gettext("Invalid '%(param)s': %(reason)s.") % {"param": param, "reason": "\0"}
    opening = told.partition("\0")[0]
    if not message.startswith(opening):
        return message
    reason = message.removeprefix(opening)
    reason = reason[:1].upper() + reason[1:]
    line = re.search(r"\[([0-9]+)\]$", param)
    where = gettext("Line %(n)d: %(reason)s")
    return where % {"n": int(line[1]) + 1, "reason": reason} if line else reason


def contrast(colour: str) -> float:
    """Of white text on a colour, by WCAG 2.2: 4.5 is what small text needs."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]  # noqa: PLR2004 - the sRGB curve
    luminance = sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return 1.05 / (luminance + 0.05)
