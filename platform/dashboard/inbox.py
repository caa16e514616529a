"""Conversations as the inbox lists them: the API's filters, and the first words of each."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from django import forms
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Left
from django.utils.translation import gettext_lazy as _

from chatbots import transcripts
from chatbots.models import Chatbot, Message
from chatbots.transcripts import YES_NO
from dashboard import marks, paging
from dashboard.access import TeamRequest
from dashboard.forms import Form

SHOWN: Final = 120  # characters of the first question, in the list
PERIODS: Final = (
    ("", _("Any time")),
    ("1", _("24 hours")),
    ("7", _("7 days")),
    ("30", _("30 days")),
    ("90", _("90 days")),
)
RATINGS: Final = (("", _("Any rating")), ("down", _("Thumbs down")), ("up", _("Thumbs up")))
OF_VISITORS: Final = {"preview": "false"}


class Filters(Form):
    """Their names and values are those of the API's query."""

    q = forms.CharField(required=False, max_length=paging.LONGEST_SEARCH)
    chatbot = forms.ChoiceField(label=_("Chatbot"), required=False)
    days = forms.ChoiceField(label=_("Period"), choices=PERIODS, required=False)
    feedback = forms.ChoiceField(label=_("Rating"), choices=RATINGS, required=False)
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
        for name in ("chatbot", "days", "feedback"):
            label = str(self.fields[name].label)
            self.fields[name].widget.attrs |= {"class": "input input-chip", "aria-label": label}

    def query(self) -> dict[str, str]:
        """What is asked for; a value that is none is left out."""
        self.full_clean()
        return {name: _written(value) for name, value in self.cleaned_data.items() if value}


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
