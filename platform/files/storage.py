"""Where the bytes lie: a folder, or S3 by setting. Random names; what a disk or a bucket cannot do
has its own error."""

import errno
import logging
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import IO, Any, Final

from django.core.files import File
from django.core.files.storage import Storage, storages
from django.utils.translation import gettext as _

from api.errors import StorageFull, StorageUnavailable

log = logging.getLogger(__name__)

CHUNK: Final = 1024 * 1024
NO_ROOM: Final = {errno.ENOSPC, errno.EDQUOT}


def storage() -> Storage:
    return storages["files"]


def new_name() -> str:
    """`2026-11/4f…`: a folder a month, so that none grows without end."""
    return f"{datetime.now(UTC):%Y-%m}/{secrets.token_hex(24)}"


def write(name: str, stream: IO[bytes]) -> None:
    """Store all of `stream` under `name`.

    Raises StorageFull and StorageUnavailable, and leaves nothing then that could be removed.
    """
    try:
        with faults_are_named():
            storage().save(name, File(stream))
    except BaseException:
        with suppress(StorageUnavailable):  # the first error is the one to tell
            remove(name)
        raise


def open_file(name: str) -> "File[Any]":
    """Raises FileNotFoundError, StorageUnavailable."""
    with faults_are_named():
        return storage().open(name, "rb")


def remove(name: str) -> None:
    """Removing what is not there is no error: a crash may have come first.

    Raises StorageUnavailable.
    """
    with faults_are_named():
        storage().delete(name)


@contextmanager
def faults_are_named() -> Iterator[None]:
    """Of what ends in an OSError: no room, and nobody there. Others are the caller's."""
    try:
        yield
    except (FileNotFoundError, StorageUnavailable):
        raise
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull(
                _("The server has no room for this file. Its administrator has to free some.")
            ) from error
        log.warning("files cannot be reached: %s", error)
        raise StorageUnavailable(
            _("Where the files lie does not answer. Try again, or tell the administrator."),
            retry_after=5,
        ) from error
