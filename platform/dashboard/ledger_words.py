"""What each line of the ledger was for: a chatbot and its model, or the way it was paid."""

from collections.abc import Sequence

from billing.models import Journal, TopUp
from chatbots.models import Chatbot
from dashboard.labels import WORDS


def of(organisation_id: str, lines: Sequence[Journal]) -> dict[str, str]:
    """By the journal's id; two questions for a whole page."""
    bots = {line.hold.chatbot_id for line in lines if line.hold and line.hold.chatbot_id}
    mine = Chatbot.objects.all().for_organisation(organisation_id).filter(pk__in=bots)
    titles = dict(mine.values_list("pk", "title"))
    paid = TopUp.objects.all().for_organisation(organisation_id)
    ways = dict(paid.filter(journal__in=lines).values_list("journal_id", "provider"))
    return {line.id: _said(line, titles, ways) for line in lines}


def _said(line: Journal, titles: dict[str, str], ways: dict[str, str]) -> str:
    if line.hold:
        named = (titles.get(line.hold.chatbot_id or ""), line.hold.model)
        return ", ".join(each for each in named if each)
    way = ways.get(line.id, "")
    return line.note or str(WORDS.get(way, way))
