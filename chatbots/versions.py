"""What is published of a chatbot: versions made of its draft, brought back, compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from api.errors import NotFound
from chatbots import finding, making
from chatbots.author import Author
from chatbots.configuration import Configuration
from chatbots.models import Chatbot, Version

DRAFT: Final = "draft"
GUARDS: Final = ("access", "limits", "allowed_origins")
"""What visitors were let in by: where it changes, they show their tokens anew."""


@dataclass(frozen=True, slots=True)
class Change:
    """One field (`limits.messages`) that is not the same in two configurations."""

    field: str
    before: Any
    after: Any


@transaction.atomic
def publish(chatbot: Chatbot, author: Author, note: str = "") -> Version:
    """The draft as a new version, live from now on."""
    chatbot = making.locked(chatbot)
    configuration = Configuration.model_validate(chatbot.draft)
    newest = Version.objects.filter(chatbot=chatbot).order_by("-number").first()
    version: Version = Version.objects.create(
        organisation_id=chatbot.organisation_id,
        chatbot=chatbot,
        number=newest.number + 1 if newest else 1,
        configuration=configuration.stored(),
        author=author.id,
        note=note,
    )
    _go_live(chatbot, version, author)
    return version


@transaction.atomic
def publish_again(chatbot: Chatbot, number: int, author: Author) -> Version:
    """An earlier version goes live as it was; the draft stays. Raises NotFound."""
    chatbot = making.locked(chatbot)
    version = find(chatbot, number)
    _go_live(chatbot, version, author)
    return version


def restore(chatbot: Chatbot, number: int) -> Chatbot:
    """An earlier version becomes the draft; what is live stays. Raises NotFound."""
    version = find(chatbot, number)
    return making.replace_draft(chatbot, Configuration.model_validate(version.configuration))


def find(chatbot: Chatbot, number: int) -> Version:
    """Raises NotFound."""
    found: Version | None = Version.objects.filter(
        organisation_id=chatbot.organisation_id, chatbot=chatbot, number=number
    ).first()
    if found is None:
        versions = f"List them with GET /v1/chatbots/{chatbot.name}/versions."
        raise NotFound(f"This chatbot has no version {number}.", param="number", hint=versions)
    return found


def configuration_of(chatbot: Chatbot, name: str) -> dict[str, Any]:
    """Of a version by its number, or of the `draft`. Raises NotFound."""
    if name == DRAFT:
        return dict(chatbot.draft)
    number = int(name) if name.isascii() and name.isdecimal() and len(name) <= 9 else 0  # noqa: PLR2004 - digits that a column holds
    return dict(find(chatbot, number).configuration)


def diff(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> list[Change]:
    """Field by field, in the order of the names."""
    changes = []
    for name in sorted({*before, *after}):
        was, now = before.get(name), after.get(name)
        if was == now:
            continue
        if isinstance(was, dict) and isinstance(now, dict):
            changes += diff(was, now, f"{prefix}{name}.")
        else:
            changes.append(Change(prefix + name, was, now))
    return changes


def _go_live(chatbot: Chatbot, version: Version, author: Author) -> None:
    before = chatbot.live
    chatbot.live = version
    if before and any(
        before.configuration.get(name) != version.configuration.get(name) for name in GUARDS
    ):
        chatbot.token_generation += 1
    chatbot.save(update_fields=["live", "token_generation"])
    author.record(
        "published",
        chatbot,
        {"version": before.number if before else None},
        {"version": version.number},
    )
    finding.forget_all()
