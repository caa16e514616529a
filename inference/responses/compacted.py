"""Compaction items: earlier items in one that only this server can read, and only for its owner."""

from collections.abc import Sequence
from typing import Final

from django.core import signing

from api.errors import InvalidRequest
from inference.schemas.responses.items import Item

SALT: Final = "inference.responses.compacted"


def sealed(items: Sequence[Item], organisation_id: str) -> str:
    """The `encrypted_content` of a compaction item: packed and signed for one organisation."""
    return signing.dumps(list(items), salt=f"{SALT}.{organisation_id}", compress=True)


def expanded(items: Sequence[Item], organisation_id: str) -> list[Item]:
    """The items, with what compaction items stand for in their place. Raises InvalidRequest."""
    found: list[Item] = []
    for item in items:
        if item["type"] == "compaction":
            found += expanded(_opened(item["encrypted_content"], organisation_id), organisation_id)
        else:
            found.append(item)
    return found


def _opened(content: str, organisation_id: str) -> list[Item]:
    try:
        items: list[Item] = signing.loads(content, salt=f"{SALT}.{organisation_id}")
    except signing.BadSignature as error:
        raise InvalidRequest(
            "A compaction item was not made by this server, or not for your organisation. "
            "Send its encrypted_content as /responses/compact gave it.",
            param="input",
        ) from error
    return items
