"""Uploads in parts: opened, filled in any order, put together once, or forgotten."""

import hashlib
import secrets
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Final

from django.db import transaction
from django.db.models import Sum

from api.errors import InvalidRequest, NotFound
from files import receiving, room, storage
from files.models import Upload, UploadPart

MOST_PARTS: Final = 10_000
IN_MEMORY: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Announced:
    """What is going to come."""

    filename: str
    purpose: str
    size: int
    mime_type: str
    expires_after: timedelta | None = None

    @property
    def seconds_to_live(self) -> int | None:
        return None if self.expires_after is None else int(self.expires_after.total_seconds())


def begin(organisation_id: str, announced: Announced) -> Upload:
    """Raises StorageQuotaExceeded: there must be room for all of it before the first part."""
    with transaction.atomic():
        room.take(organisation_id, announced.size)
        return Upload.objects.create(
            id=f"upload_{secrets.token_hex(16)}",
            organisation_id=organisation_id,
            filename=announced.filename,
            purpose=announced.purpose,
            size=announced.size,
            mime_type=announced.mime_type,
            file_expires_after=announced.seconds_to_live,
        )


def add_part(organisation_id: str, upload_id: str, stream: IO[bytes], size: int) -> UploadPart:
    """Raises NotFound, InvalidRequest, StorageFull."""
    with transaction.atomic():
        upload = _pending(organisation_id, upload_id)
        parts = upload.parts.aggregate(size=Sum("size", default=0))
        if parts["size"] + size > upload.size:
            raise InvalidRequest(
                f"The parts would have {parts['size'] + size:,} bytes, but the upload was "
                f"announced with {upload.size:,}.",
                param="data",
            )
        if upload.parts.count() >= MOST_PARTS:
            raise InvalidRequest(f"An upload has at most {MOST_PARTS:,} parts.", param="data")
        part = UploadPart.objects.create(
            id=f"part_{secrets.token_hex(16)}",
            upload=upload,
            size=size,
            storage_name=storage.new_name(),
        )
    try:
        storage.write(part.storage_name, stream)
    except BaseException:
        part.delete()
        raise
    if not UploadPart.objects.filter(pk=part.pk).exists():
        storage.remove(part.storage_name)
        raise _not_pending("over")
    return part


def complete(
    organisation_id: str, upload_id: str, part_ids: Sequence[str], md5: str | None
) -> Upload:
    """Put the parts together in the order of `part_ids`. The upload's room becomes the file's.

    Raises NotFound, InvalidRequest (wrong parts, size or checksum; the upload stays open), and
    what `receiving.receive` raises.
    """
    with transaction.atomic():
        upload = _pending(organisation_id, upload_id)
        parts = _in_order(upload, part_ids)
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as whole:
            with storage.faults_are_named():
                digest = _join(parts, whole)
            if md5 is not None and md5.lower() != digest:
                raise InvalidRequest(
                    f"The MD5 of the parts is {digest}, not {md5}. Send the damaged part again.",
                    param="md5",
                )
            room.give_back(organisation_id, upload.size)
            upload.file = receiving.receive(organisation_id, _incoming(upload, whole))
        upload.status = Upload.Status.COMPLETED
        upload.save(update_fields=["status", "file"])
    drop_parts(upload)
    return upload


def cancel(organisation_id: str, upload_id: str) -> Upload:
    with transaction.atomic():
        upload = _pending(organisation_id, upload_id)
        end(upload, Upload.Status.CANCELLED)
    return upload


def end(upload: Upload, status: Upload.Status) -> None:
    """Give its room back and drop its parts. Call it in a transaction that locked the row."""
    upload.status = status
    upload.save(update_fields=["status"])
    room.give_back(upload.organisation_id, upload.size)
    transaction.on_commit(lambda: drop_parts(upload))


def drop_parts(upload: Upload) -> None:
    """Bytes, row, bytes: a part that comes at this moment either finds its row gone and goes by
    itself, or was there before the second look."""
    for part in upload.parts.all():
        storage.remove(part.storage_name)
        part.delete()
        storage.remove(part.storage_name)


def _pending(organisation_id: str, upload_id: str) -> Upload:
    """The row, locked: parts, completion and cancellation of one upload come one after another."""
    mine = Upload.objects.for_organisation(organisation_id).select_for_update()
    upload = mine.filter(pk=upload_id).first()
    if upload is None:
        raise NotFound(
            "No such upload, or it is not yours.", hint="Begin one with POST /v1/uploads."
        )
    if upload.status != Upload.Status.PENDING or upload.is_over:
        state = "expired" if upload.status == Upload.Status.PENDING else upload.status
        raise _not_pending(state)
    return upload


def _not_pending(state: str) -> InvalidRequest:
    return InvalidRequest(f"This upload is {state}. Begin a new one.", code="upload_not_pending")


def _in_order(upload: Upload, part_ids: Sequence[str]) -> list[UploadPart]:
    parts = {part.id: part for part in upload.parts.all()}
    if len(set(part_ids)) != len(part_ids):
        raise InvalidRequest("A part is named twice.", param="part_ids")
    for part_id in part_ids:
        if part_id not in parts:
            raise InvalidRequest(f"This upload has no part {part_id[:64]}.", param="part_ids")
    chosen = [parts[part_id] for part_id in part_ids]
    if (size := sum(part.size for part in chosen)) != upload.size:
        raise InvalidRequest(
            f"These parts have {size:,} bytes, but the upload was announced with {upload.size:,}.",
            param="part_ids",
        )
    return chosen


def _join(parts: Sequence[UploadPart], whole: IO[bytes]) -> str:
    """The MD5 (OpenAI's checksum here; it protects against accidents, not against people)."""
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        with storage.open_file(part.storage_name) as stream:
            for chunk in stream.chunks(storage.CHUNK):
                digest.update(chunk)
                whole.write(chunk)
    return digest.hexdigest()


def _incoming(upload: Upload, whole: IO[bytes]) -> receiving.Incoming:
    seconds = upload.file_expires_after
    return receiving.Incoming(
        stream=whole,
        filename=upload.filename,
        size=upload.size,
        purpose=upload.purpose,
        expires_after=None if seconds is None else timedelta(seconds=seconds),
    )
