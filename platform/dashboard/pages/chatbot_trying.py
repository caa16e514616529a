"""Trying a chatbot: two at once on the same questions, and what a chat of its makers has cost."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from billing.models import Hold
from chatbots import transcripts
from chatbots.finding import DRAFT, LIVE
from chatbots.models import Chatbot, Message
from dashboard import call_sums, chatbot_pages, money
from dashboard.access import TeamRequest
from dashboard.chatbot_pages import chatbot_view

MOST_ANSWERS: Final = 5
SIDES: Final = {"one": gettext_lazy("First"), "other": gettext_lazy("Second")}


@dataclass(frozen=True, slots=True)
class Side:
    """`of` is what it tries, `talk` its conversation: each pair has its own, so that both sides of
    one were always asked the same."""

    name: str
    label: str
    of: str
    talk: str
    title: str
    preview: str


@dataclass(frozen=True, slots=True)
class Answer:
    said: Message
    request_id: str
    sums: list[call_sums.Sum]


@require_GET
@chatbot_view(write=True)
def compare(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    """`?one=live&other=draft:smarter-mini`."""
    choices = _choices(request, chatbot)
    one = _chosen(request, "one", choices)
    other = _chosen(request, "other", [name for name in choices if name != one] or choices)
    sides = []
    for (name, label), of in zip(SIDES.items(), (one, other), strict=True):
        talk = f"{name}.{one}.{other}"
        preview = chatbot_pages.preview(request, chatbot, of, talk)
        sides.append(Side(name, str(label), of, talk, choices[of], preview))
    shown = {
        "sides": sides,
        "choices": choices.items(),
        "suggested": chatbot.draft["suggested_prompts"],
    }
    return chatbot_pages.shown(request, "dashboard/chatbot_compare.html", chatbot, shown)


@require_GET
@chatbot_view()
def chat(request: TeamRequest, chatbot: Chatbot) -> HttpResponse:
    """What a chat has cost so far; and a token with which it goes on."""
    of = _chosen(request, "of", _choices(request, chatbot))
    talk = request.GET.get("talk", "")
    context: dict[str, Any] = {"preview": chatbot_pages.preview(request, chatbot, of, talk)}
    if chat_id := request.GET.get("conversation", "").replace("\0", ""):
        found = transcripts.find(chatbot, chat_id)
        said = transcripts.messages(found).filter(role=Message.Role.ASSISTANT)
        answers = _answers(chatbot, list(said.order_by("-place")[:MOST_ANSWERS]))
        earlier = found.cost_nano - sum(answer.said.cost_nano for answer in answers)
        lines = [line.nano for answer in answers for line in answer.sums]
        places = money.places([earlier, *lines])
        context |= {"chat": found, "answers": answers, "earlier": earlier, "places": places}
    return render(request, "dashboard/chatbot_chat.html", context)


def _answers(chatbot: Chatbot, said: list[Message]) -> list[Answer]:
    """The newest last, as they stand in the chat."""
    calls = {answer.pk: f"gen_{answer.response_id.partition('_')[2]}" for answer in said}
    mine = Hold.objects.all().for_organisation(chatbot.organisation_id)
    holds = mine.select_related("price").in_bulk(calls.values())
    return [
        Answer(answer, answer.response_id.replace("resp_", "req_", 1), call_sums.of(hold))
        for answer in reversed(said)
        if (hold := holds.get(calls[answer.pk]))
    ]


def _choices(request: TeamRequest, chatbot: Chatbot) -> dict[str, str]:
    """What can be tried, as finding.tried reads it, and how it is called here."""
    found = {DRAFT: _("Draft")}
    if chatbot.live is not None:
        found[LIVE] = _("Live v%(n)d") % {"n": chatbot.live.number}
    for model in chatbot_pages.models(request):
        found[f"{DRAFT}:{model}"] = _("Draft with %(model)s") % {"model": model}
    return found


def _chosen(request: TeamRequest, name: str, choices: Collection[str]) -> str:
    """The first, where nothing is asked for that can be had."""
    asked = request.GET.get(name, "")
    return asked if asked in choices else next(iter(choices))
