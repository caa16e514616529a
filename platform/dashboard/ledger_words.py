"""What each line of the ledger was for: a chatbot and its model, or the way it was paid."""

from collections.abc import Sequence
from typing import Final

from django.utils.translation import gettext as _

from billing.models import Journal, TopUp
from chatbots.models import Chatbot
from dashboard.labels import WORDS

LAST4: Final = "payment__card_last4"
RECEIPTS: Final = 10


def of(organisation_id: str, lines: Sequence[Journal]) -> dict[str, str]:
    """By the journal's id; two questions for a whole page."""
    bots = {line.hold.chatbot_id for line in lines if line.hold and line.hold.chatbot_id}
    mine = Chatbot.objects.all().for_organisation(organisation_id).filter(pk__in=bots)
    titles = dict(mine.values_list("pk", "title"))
    paid = TopUp.objects.all().for_organisation(organisation_id)
    told = paid.filter(journal__in=lines).values_list("journal_id", "provider", LAST4)
    ways = {journal: way(provider, last4 or "") for journal, provider, last4 in told}
    return {line.id: _said(line, titles, ways) for line in lines}


def receipts(organisation_id: str) -> list[tuple[TopUp, str]]:
    """The newest top-ups, each with how it was paid."""
    newest = TopUp.objects.all().for_organisation(organisation_id)[:RECEIPTS]
    digits = dict(newest.values_list("pk", LAST4))
    return [(each, way(each.provider, digits[each.pk] or "")) for each in newest]


def way(provider: str, last4: str) -> str:
    """How it was paid, with the card's last digits where the provider told them."""
    if not last4:
        return str(WORDS.get(provider, provider))
    digits = {"digits": last4}
    if provider == TopUp.Provider.FAKE:
        return _("Test card ending %(digits)s: no money moved") % digits
    return _("Card ending %(digits)s") % digits


def _said(line: Journal, titles: dict[str, str], ways: dict[str, str]) -> str:
    if line.hold:
        named = (titles.get(line.hold.chatbot_id or ""), line.hold.model)
        return ", ".join(each for each in named if each)
    return line.note or ways.get(line.id, "")
