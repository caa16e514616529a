"""How a file comes in: what is it, is there room, then its bytes, then it can be seen."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from api.errors import InvalidRequest
from files import kinds, lines, room, storage
from files.models import StoredFile

BATCH_KEPT: Final = timedelta(days=30)  # as OpenAI keeps them; other purposes stay
_ONLY_LINES: Final = {"batch", "fine-tune"}


@dataclass(frozen=True, slots=True)
class Incoming:
    """`stream` can be read again and again; `expires_after` None: the purpose's own rule."""

    stream: IO[bytes]
    filename: str
    size: int
    purpose: str
    expires_after: timedelta | None = None


def receive(organisation_id: str, incoming: Incoming) -> StoredFile:
    """Raises InvalidRequest, StorageQuotaExceeded, StorageFull; then nothing is left behind."""
    if incoming.size == 0:
        raise InvalidRequest(_("The file is empty."), param="file", code="empty_file")
    filename = kinds.clean_name(incoming.filename)
    content_type = kinds.of(incoming.stream, filename)
    if incoming.purpose in _ONLY_LINES and not content_type.startswith(("text/", "application/j")):
        raise InvalidRequest(
            _("A file for '%(purpose)s' is JSON Lines (*.jsonl).") % {"purpose": incoming.purpose},
            param="file",
            code="unsupported_file",
        )
    counted = lines.count(incoming.stream, incoming.purpose)
    stored = StoredFile(
        id=new_id(),
        organisation_id=organisation_id,
        purpose=incoming.purpose,
        filename=filename,
        content_type=content_type,
        size=incoming.size,
        sha256=_sha256(incoming.stream),
        storage_name=storage.new_name(),
        lines=counted,
        expires_at=_end(incoming),
    )
    return _keep(stored, incoming.stream)


def new_id() -> str:
    """OpenAI's own shape: clients look for `file-`."""
    return f"file-{secrets.token_hex(16)}"


def _keep(stored: StoredFile, stream: IO[bytes]) -> StoredFile:
    """Room and row first, so that what a crash leaves behind is known and can be removed."""
    with transaction.atomic():
        room.take(stored.organisation_id, stored.size)
        stored.save(force_insert=True)
    try:
        stream.seek(0)
        storage.write(stored.storage_name, stream)
    except BaseException:
        forget(stored)
        raise
    stored.complete = True
    stored.save(update_fields=["complete"])
    return stored


def forget(stored: StoredFile) -> None:
    """Bytes first: what is left of a crash in between is a row, which the cleaner finds again."""
    storage.remove(stored.storage_name)
    with transaction.atomic():
        gone, _ = StoredFile.objects.filter(pk=stored.pk).delete()
        if gone:
            room.give_back(stored.organisation_id, stored.size)


def _end(incoming: Incoming) -> datetime | None:
    if incoming.expires_after is not None:
        return timezone.now() + incoming.expires_after
    return timezone.now() + BATCH_KEPT if incoming.purpose == "batch" else None


def _sha256(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in kinds.chunks(stream):
        digest.update(chunk)
    return digest.hexdigest()
