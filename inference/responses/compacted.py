"""Compaction items: earlier items in one that only this server can read, and only for its owner."""

import base64
import json
import zlib
from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken
from django.utils.crypto import salted_hmac

from api.errors import InvalidRequest
from inference.schemas.responses.items import Item

SALT: Final = "inference.responses.compacted"


def sealed(items: Sequence[Item], organisation_id: str) -> str:
    """The `encrypted_content` of a compaction item: packed and locked for one organisation."""
    packed = zlib.compress(json.dumps(list(items)).encode())
    return _lock(organisation_id).encrypt(packed).decode()


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
        packed = _lock(organisation_id).decrypt(content)
    except (InvalidToken, ValueError) as error:  # a text that is not ASCII is no token either
        raise InvalidRequest(
            "A compaction item was not made by this server, or not for your organisation. "
            "Send its encrypted_content as /responses/compact gave it.",
            param="input",
        ) from error
    items: list[Item] = json.loads(zlib.decompress(packed))
    return items


def _lock(organisation_id: str) -> Fernet:
    """From the server's secret key, another one for each organisation."""
    key = salted_hmac(SALT, organisation_id, algorithm="sha256").digest()
    return Fernet(base64.urlsafe_b64encode(key))
