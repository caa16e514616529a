"""Pages of items: like every list of ours, but a cursor is an item's id within its own list."""

from collections.abc import Mapping
from typing import Any

from api.pagination import listed, page, unknown_cursor
from inference.models import Conversation, ConversationItem


def page_of(conversation: Conversation, query: Mapping[str, str]) -> dict[str, Any]:
    """Raises InvalidRequest for a cursor that names no item of it."""
    items = ConversationItem.objects.filter(conversation=conversation)
    known = dict(query.items())
    for name in {"after", "before"} & known.keys():
        row = items.filter(id=known[name]).first() if known[name].isprintable() else None
        if row is None:
            raise unknown_cursor(name)
        known[name] = str(row.position)
    rows, has_more = page(items, known, "position")
    return listed([row.data for row in rows], has_more=has_more)
