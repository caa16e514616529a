"""Chatbots as resources: made, found, changed, paused, given new keys, deleted."""

import secrets
from collections.abc import Mapping
from typing import Any, Final

from django.db import transaction
from django.db.models.functions import Now

from accounts import keys
from accounts.models import APIKey
from chatbots import finding, naming
from chatbots.author import Author
from chatbots.configuration import Configuration
from chatbots.models import Chatbot
from inference.schemas.refusals import parse
from knowledge import stores

MERGED: Final = frozenset({"knowledge", "theme", "limits", "budget"})
"""Of these a change may name only some fields; any other value is replaced as a whole."""
VISITORS_REQUESTS: Final = 1_000_000_000  # a minute: visitors have the chatbot's own limits


def find(organisation_id: str, name: str) -> Chatbot:
    """By name, also a former one; with its live version. Raises NotFound, also for a stranger's."""
    mine = Chatbot.objects.all().for_organisation(organisation_id).select_related("live")
    found: Chatbot | None = mine.filter(naming.called(organisation_id, name)).first()
    if found is None:
        raise finding.unknown()
    return found


@transaction.atomic
def create(
    organisation_id: str,
    author: Author,
    name: str,
    title: str = "",
    configuration: Mapping[str, Any] | None = None,
) -> Chatbot:
    """As a draft: `versions.publish` makes it answer. Raises InvalidRequest."""
    slug = naming.take(organisation_id, name)
    naming.require_room(organisation_id)
    key, plaintext = _issue_key(organisation_id, name)
    chatbot = Chatbot(
        organisation_id=organisation_id,
        name=name,
        title=title or name.replace("-", " ").capitalize(),
        slug=slug,
        draft=_configured({}, configuration or {}),
        publishable_key=key,
        publishable_text=plaintext,
    )
    chatbot.secret = secrets.token_urlsafe(32)
    chatbot.store_id = stores.create(organisation_id, name=f"chatbot {name}", internal=True).id
    chatbot.save()
    author.record("created", chatbot, after={"name": name})
    return chatbot


@transaction.atomic
def change(
    chatbot: Chatbot, *, title: str | None = None, configuration: Mapping[str, Any] | None = None
) -> Chatbot:
    """The title, at once; the draft, which nobody meets before it is published."""
    chatbot = locked(chatbot)
    if title is not None:
        chatbot.title = title
    if configuration is not None:
        chatbot.draft = _configured(chatbot.draft, configuration)
    chatbot.save(update_fields=["title", "draft"])
    if configuration is not None:
        Chatbot.objects.filter(pk=chatbot.pk).update(draft_changed_at=Now())
    finding.forget_all()
    return find(chatbot.organisation_id, chatbot.name)


@transaction.atomic
def replace_draft(chatbot: Chatbot, configuration: Configuration) -> Chatbot:
    Chatbot.objects.filter(pk=chatbot.pk).update(
        draft=configuration.stored(), draft_changed_at=Now()
    )
    finding.forget_all()
    return find(chatbot.organisation_id, chatbot.name)


@transaction.atomic
def pause(chatbot: Chatbot, author: Author) -> Chatbot:
    """No prompt is taken from now on, and every visitor's token is void."""
    chatbot = locked(chatbot)
    if chatbot.paused_at is None:
        generation = chatbot.token_generation + 1
        Chatbot.objects.filter(pk=chatbot.pk).update(paused_at=Now(), token_generation=generation)
        author.record("paused", chatbot)
    finding.forget_all()
    return find(chatbot.organisation_id, chatbot.name)


@transaction.atomic
def resume(chatbot: Chatbot, author: Author) -> Chatbot:
    chatbot = locked(chatbot)
    if chatbot.paused_at is not None:
        Chatbot.objects.filter(pk=chatbot.pk).update(paused_at=None)
        author.record("resumed", chatbot)
    finding.forget_all()
    return find(chatbot.organisation_id, chatbot.name)


@transaction.atomic
def rotate_key(chatbot: Chatbot, author: Author) -> Chatbot:
    """A new publishable key; the old one, and what was opened with it, ends now."""
    chatbot = locked(chatbot)
    before = chatbot.publishable_key
    chatbot.publishable_key, chatbot.publishable_text = _issue_key(
        chatbot.organisation_id, chatbot.name
    )
    chatbot.token_generation += 1
    chatbot.save(update_fields=["publishable_key", "publishable_text", "token_generation"])
    APIKey.objects.filter(pk=before.pk).update(revoked_at=Now(), replaced_by=None)
    author.record("key_rotated", chatbot, {"key": before.id}, {"key": chatbot.publishable_key.id})
    finding.forget_all()
    return find(chatbot.organisation_id, chatbot.name)


@transaction.atomic
def delete(chatbot: Chatbot, author: Author) -> None:
    """With its versions, conversations and knowledge; what it has cost stays in the books."""
    chatbot = locked(chatbot)
    Chatbot.objects.filter(pk=chatbot.pk).delete()
    APIKey.objects.filter(pk=chatbot.publishable_key_id).update(revoked_at=Now())
    if chatbot.store_id:
        stores.delete(chatbot.organisation_id, chatbot.store_id, internal=True)
    author.record("deleted", chatbot, before={"name": chatbot.name})
    finding.forget_all()


def locked(chatbot: Chatbot) -> Chatbot:
    """Its row, for this transaction alone. Raises NotFound: it went meanwhile."""
    rows = Chatbot.objects.all().for_organisation(chatbot.organisation_id)
    found: Chatbot | None = rows.select_for_update().filter(pk=chatbot.pk).first()
    if found is None:
        raise finding.unknown()
    return found


def _configured(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**before, **changes}
    for name in MERGED & changes.keys() & before.keys():
        if isinstance(changes[name], dict):
            merged[name] = {**before[name], **changes[name]}
    return parse(Configuration, merged).stored()


def _issue_key(organisation_id: str, name: str) -> tuple[APIKey, str]:
    return keys.issue(
        organisation_id,
        name=f"Chatbot {name}",
        kind=APIKey.Kind.PUBLISHABLE,
        requests_per_minute=VISITORS_REQUESTS,
        tokens_per_minute=VISITORS_REQUESTS,
    )
