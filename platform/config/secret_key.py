"""The key that signs sessions: from the environment, or made once and kept in the data folder."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from config import env

_SHORTEST = 32


def read(data: Path, *, production: bool) -> str:
    if given := env.text("SECRET_KEY"):
        if production and len(given) < _SHORTEST:
            raise ImproperlyConfigured(f"SECRET_KEY must have at least {_SHORTEST} characters.")
        return given
    if production:
        raise ImproperlyConfigured("SMARTER_ENV=production needs SECRET_KEY, a long random text.")
    return _kept(data / "secret_key")


def _kept(file: Path) -> str:
    try:
        if not file.exists():
            _make(file)
        return file.read_text()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The data folder {file.parent} cannot be used: {error.strerror}. "
            "Set SMARTER_DATA to a folder that can be written."
        ) from error


def _make(file: Path) -> None:
    """Other processes see the whole key or none: it is written aside and linked into place."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent) as draft:  # its mode is 0600
        draft.write(secrets.token_urlsafe(48))
        draft.flush()
        with suppress(FileExistsError):
            os.link(draft.name, file)
