"""Conversations as resources: made, changed and deleted by Django's road to the same tables."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from api.errors import NotFound
from inference.conversations import unknown
from inference.models import Conversation, ConversationItem

Item = dict[str, Any]


def create(
    organisation_id: str, metadata: Mapping[str, str], items: Sequence[Item]
) -> Conversation:
    with transaction.atomic():
        made = Conversation.objects.create(organisation_id=organisation_id, metadata=dict(metadata))
        _put(made.id, items)
    return made


def find(organisation_id: str, conversation_id: str) -> Conversation:
    """Raises NotFound."""
    mine = Conversation.objects.filter(organisation_id=organisation_id)
    found = mine.filter(pk=conversation_id).first()
    if found is None:
        raise unknown(conversation_id)
    return found


def describe(
    organisation_id: str, conversation_id: str, metadata: Mapping[str, str]
) -> Conversation:
    """Replace the metadata. Raises NotFound."""
    mine = Conversation.objects.filter(organisation_id=organisation_id, pk=conversation_id)
    if not mine.update(metadata=dict(metadata)):
        raise unknown(conversation_id)
    return find(organisation_id, conversation_id)


def delete(organisation_id: str, conversation_id: str) -> None:
    """With its items; responses that used it stay. Raises NotFound."""
    with transaction.atomic():
        _locked(organisation_id, conversation_id, for_good=True).delete()


def add(organisation_id: str, conversation_id: str, items: Sequence[Item]) -> None:
    """Append items, which have their ids. Raises NotFound."""
    with transaction.atomic():
        _put(_locked(organisation_id, conversation_id).id, items)


def find_item(organisation_id: str, conversation_id: str, item_id: str) -> ConversationItem:
    """Raises NotFound."""
    conversation = find(organisation_id, conversation_id)
    found = ConversationItem.objects.filter(conversation=conversation, id=item_id).first()
    if found is None:
        raise unknown_item(conversation_id, item_id)
    return found


def delete_item(organisation_id: str, conversation_id: str, item_id: str) -> Conversation:
    """The conversation that is left. Raises NotFound."""
    item = find_item(organisation_id, conversation_id, item_id)
    deleted, _ = ConversationItem.objects.filter(pk=item.pk).delete()
    if not deleted:
        raise unknown_item(conversation_id, item_id)
    return find(organisation_id, conversation_id)


def unknown_item(conversation_id: str, item_id: str) -> NotFound:
    return NotFound(
        f"This conversation has no item with the id '{item_id[:64]}'.",
        hint=f"List its items with GET /v1/conversations/{conversation_id}/items.",
    )


def _locked(organisation_id: str, conversation_id: str, *, for_good: bool = False) -> Conversation:
    """Appends and the end come one after another, so that no item outlives its conversation."""
    mine = Conversation.objects.filter(organisation_id=organisation_id, pk=conversation_id)
    found = mine.select_for_update(no_key=not for_good).first()
    if found is None:
        raise unknown(conversation_id)
    return found


def _put(conversation_id: str, items: Sequence[Item]) -> None:
    ConversationItem.objects.bulk_create(
        ConversationItem(id=item["id"], conversation_id=conversation_id, data=item)
        for item in items
    )
