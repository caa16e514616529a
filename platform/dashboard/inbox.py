"""Conversations as the inbox lists them: the API's filters, and the first words of each."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Left
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from chatbots import transcripts
from chatbots.models import Chatbot, Message
from chatbots.transcripts import YES_NO
from dashboard import marks, paging
from dashboard.access import TeamRequest
from dashboard.forms import Form
from dashboard.templatetags.show import short_id

SHOWN: Final = 120  # characters of the first question, in the list
PERIODS: Final = ("1", "7", "30", "90")
RATINGS: Final = ("down", "up")
OF_VISITORS: Final = {"preview": "false"}


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter of one value, as <c-chip> takes it."""

    name: str
    value: str
    words: str | Promise


USUAL: Final = (
    Chip("days", "7", _("7 days")),
    Chip("feedback", "down", _("Thumbs down")),
    Chip("status", "failed", _("Errors")),
)
OTHERS: Final = (
    Chip("days", "1", _("24 hours")),
    Chip("days", "30", _("30 days")),
    Chip("days", "90", _("90 days")),
    Chip("feedback", "up", _("Thumbs up")),
    Chip("flagged", "true", _("Flagged")),
)


class Filters(Form):
    """Their names and values are those of the API's query."""

    q = forms.CharField(required=False, max_length=paging.LONGEST_SEARCH)
    chatbot = forms.ChoiceField(required=False)
    days = forms.ChoiceField(choices=[(each, each) for each in PERIODS], required=False)
    feedback = forms.ChoiceField(choices=[(each, each) for each in RATINGS], required=False)
    status = forms.ChoiceField(choices=Message.Status.choices, required=False)
    flagged = forms.ChoiceField(choices=[(word, word) for word in YES_NO], required=False)
    visitor = forms.CharField(required=False, max_length=40)
    origin = forms.CharField(
        label=_("Site"), required=False, max_length=255,
        widget=forms.TextInput(attrs={"placeholder": "https://shop.example"}),
    )  # fmt: skip
    least_cost = forms.DecimalField(
        label=_("Cost from, $"), required=False, min_value=0, max_digits=18, decimal_places=9,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "placeholder": "0.001"}),
    )  # fmt: skip

    def __init__(self, request: TeamRequest) -> None:
        super().__init__(request.GET)
        mine = Chatbot.objects.filter(organisation=request.organisation).order_by("title")
        field = self.fields["chatbot"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = [("", _("Any chatbot")), *mine.values_list("name", "title")]

    def query(self) -> dict[str, str]:
        """What is asked for; a value that is none is left out."""
        self.full_clean()
        return {name: _written(value) for name, value in self.cleaned_data.items() if value}


def chips(asked: Mapping[str, str], given: Mapping[str, str]) -> list[Chip]:
    """The usual ones, and whatever else the list is narrowed by; `given` is the page's query."""
    others = [chip for chip in OTHERS if asked.get(chip.name) == chip.value]
    typed = [Chip(name, given[name], _SAID[name](asked[name])) for name in _SAID if name in asked]
    return [*USUAL, *others, *typed]


_SAID: Final[Mapping[str, Callable[[str], str]]] = {
    "visitor": lambda of: gettext("Visitor %(id)s") % {"id": short_id(of)},
    "origin": lambda of: of.removeprefix("https://"),
    "least_cost": lambda of: gettext("From $%(cost)s") % {"cost": of},
}


def _written(value: str | Decimal) -> str:
    return f"{value:f}" if isinstance(value, Decimal) else value


def found(request: TeamRequest, query: dict[str, str]) -> QuerySet[Any]:
    """Raises InvalidRequest."""
    asked = {name: value for name, value in query.items() if name != "chatbot"}
    chats: QuerySet[Any] = transcripts.of_all(request.organisation.id, OF_VISITORS | asked)
    if name := query.get("chatbot"):
        chats = chats.filter(chatbot__name=name)
    return chats.select_related("chatbot", "visitor")


def mark(rows: Iterable[Any]) -> str:
    """Of rows `with_words`, as the list shows them."""
    return marks.of(
        [(row.pk, row.last_message_at, row.messages_count, row.thumb, row.flagged) for row in rows]
    )


def with_words(chats: QuerySet[Any]) -> QuerySet[Any]:
    """With `first_words`, and `thumb`: the newest rating."""
    said = Message.objects.filter(
        conversation=OuterRef("pk"), organisation=OuterRef("organisation")
    )
    first = said.filter(role=Message.Role.USER).order_by("place")
    thumb = said.filter(feedback__isnull=False).order_by("-place")
    told: QuerySet[Any] = chats.annotate(
        first_words=Subquery(first.annotate(words_cut=Left("text", SHOWN)).values("words_cut")[:1]),
        thumb=Subquery(thumb.values("feedback")[:1]),
    )
    return told
