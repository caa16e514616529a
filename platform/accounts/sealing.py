"""Secrets that must be read again (webhooks', second factors'), encrypted with the site's key."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from api.errors import InternalError


def seal(text: str) -> str:
    return _keys().encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises InternalError when SECRET_KEY has changed without standing in SECRET_KEY_FALLBACKS."""
    try:
        return _keys().decrypt(sealed.encode()).decode()
    except InvalidToken as error:
        raise InternalError("A stored secret cannot be read: was SECRET_KEY changed?") from error


def _keys() -> MultiFernet:
    """The first seals, all of them open: so a secret key can be rotated."""
    given = [str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)]
    digests = [hashlib.sha256(f"sealing {key}".encode()).digest() for key in given]
    return MultiFernet(Fernet(base64.urlsafe_b64encode(digest)) for digest in digests)
