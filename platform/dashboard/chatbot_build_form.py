"""The form of the Build page: what a chatbot says, with which model, and how."""

import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from chatbots.configuration import VARIABLES
from dashboard.chatbot_forms import DraftForm

ANSWERS = (
    ("text", _("Text")),
    ("json_object", _("A JSON object")),
    ("json_schema", _("JSON by the schema that is set")),
)
VARIABLES_SHOWN = ", ".join(f"{{{{{name}}}}}" for name in VARIABLES)


class BuildForm(DraftForm):
    LISTS = ("suggested_prompts", "stop")

    model = forms.ChoiceField(label=_("Model"), required=False)
    system_prompt = forms.CharField(
        label=_("Instructions"), required=False, strip=False,
        widget=forms.Textarea(attrs={"rows": 8}),
    )  # fmt: skip
    temperature = forms.FloatField(
        label=_("Temperature"), min_value=0, max_value=2,
        widget=forms.NumberInput(attrs={"step": "0.1"}),
    )  # fmt: skip
    top_p = forms.FloatField(
        label=_("Top p"), min_value=0, max_value=1,
        widget=forms.NumberInput(attrs={"step": "0.05"}),
    )  # fmt: skip
    max_output_tokens = forms.IntegerField(
        label=_("Longest answer, tokens"), min_value=16, max_value=32_768
    )
    welcome = forms.CharField(
        label=_("Welcome message"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    suggested_prompts = forms.CharField(
        label=_("Suggested prompts"), required=False, help_text=_("One a line, up to four."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip
    stop = forms.CharField(
        label=_("Stop at"), required=False, help_text=_("One a line, up to four."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )  # fmt: skip
    response_format = forms.ChoiceField(label=_("Answers are"), choices=ANSWERS)
    knowledge__top_k = forms.IntegerField(
        label=_("Passages in a prompt"), min_value=0, max_value=20,
        help_text=_("0: its files are not asked."),
    )  # fmt: skip
    knowledge__citations = forms.BooleanField(label=_("Answers name their sources"), required=False)
    tools = forms.CharField(
        label=_("Tools, as JSON"), required=False,
        help_text=_("Functions that callers of the API carry out. An empty field: none."),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "class": "input mono"}),
    )  # fmt: skip

    def __init__(self, *args: Any, models: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = dict.fromkeys([*models, self.initial["model"] or ""])
        self._choose("model", [("", _("The team's default")), *((n, n) for n in names if n)])
        self._format = self.initial["response_format"]
        kind = self._format["type"] if self._format else "text"
        self.initial["response_format"] = kind
        self._choose("response_format", [one for one in ANSWERS if one[0] in {*_FREE, kind}])
        tools = self.initial["tools"]
        self.initial["tools"] = json.dumps(tools, indent=2, ensure_ascii=False) if tools else ""

    def clean_tools(self) -> list[Any]:
        text = self.cleaned_data["tools"].strip()
        try:
            tools = json.loads(text or "[]")
        except json.JSONDecodeError as error:
            said = _("Line %(line)d, column %(column)d: this is no JSON (%(why)s).")
            where = {"line": error.lineno, "column": error.colno, "why": error.msg}
            raise forms.ValidationError(said, params=where) from error
        if not isinstance(tools, list):
            raise forms.ValidationError(_("Line 1: begin with [, the list of the functions."))
        return tools

    def changes(self) -> dict[str, Any]:
        changed = super().changes()
        kind = changed["response_format"]
        if self._format and kind == self._format["type"]:
            form = self._format  # with its schema
        else:
            form = None if kind == "text" else {"type": kind}
        return {**changed, "model": changed["model"] or None, "response_format": form}

    def _choose(self, name: str, choices: list[tuple[str, Any]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = choices


_FREE = ("text", "json_object")
