"""Where the bytes lie: a folder, or S3 by setting. Random names; a full disk has its own error."""

import errno
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, Any, Final

from django.core.files import File
from django.core.files.storage import Storage, storages

from api.errors import StorageFull

CHUNK: Final = 1024 * 1024
NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT}


def storage() -> Storage:
    return storages["files"]


def new_name() -> str:
    """`2026-11/4f…`: a folder a month, so that none grows without end."""
    return f"{datetime.now(UTC):%Y-%m}/{secrets.token_hex(24)}"


def write(name: str, stream: IO[bytes]) -> None:
    """Store all of `stream` under `name`. Raises StorageFull, and leaves nothing then."""
    try:
        with full_disk_is_named():
            storage().save(name, File(stream))
    except BaseException:
        remove(name)
        raise


def open_file(name: str) -> "File[Any]":
    return storage().open(name, "rb")


def remove(name: str) -> None:
    """Removing what is not there is no error: a crash may have come first."""
    storage().delete(name)


@contextmanager
def full_disk_is_named() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise StorageFull(
            "The server has no room for this file. Its administrator has to free some."
        ) from error
