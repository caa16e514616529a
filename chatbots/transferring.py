"""A chatbot moves to another team: what its makers wrote goes, what visitors said does not."""

from typing import Any

from django.db import transaction

from chatbots import finding, making
from chatbots.author import Author
from chatbots.models import Chatbot, Version


@transaction.atomic
def transfer(chatbot: Chatbot, organisation_id: str, author: Author) -> Chatbot:
    """With its versions and page address; published and paused as it was.

    Conversations and files belong to the organisation that it leaves: the first end with it, the
    others stay in the library there, and the books keep what it has cost. Its publishable key and
    its identity secret end too: who leaves may not speak for visitors any more. Raises
    InvalidRequest: the other organisation has a chatbot of this name, or no room.
    """
    chatbot = making.locked(chatbot)  # what is published meanwhile comes along, or waits in vain
    versions = list(Version.objects.filter(chatbot=chatbot).order_by("number"))
    was_live = chatbot.live.number if chatbot.live else 0
    author.record("left", chatbot, before={"name": chatbot.name}, after={"to": organisation_id})
    making.delete(chatbot, author)
    made = making.create(organisation_id, author, chatbot.name, chatbot.title, chatbot.draft)
    again = Version.objects.bulk_create(_copy(version, made) for version in versions)
    live = {version.number: version for version in again}.get(was_live)
    kept = {"slug": chatbot.slug, "paused_at": chatbot.paused_at}
    Chatbot.objects.filter(pk=made.pk).update(live=live, **kept)
    finding.forget_all()
    return making.find(organisation_id, made.name)


def _copy(version: Version, chatbot: Chatbot) -> Version:
    said: dict[str, Any] = {
        name: getattr(version, name) for name in ("number", "configuration", "author", "note")
    }
    return Version(organisation_id=chatbot.organisation_id, chatbot=chatbot, **said)
