"""How a batch begins, and how its owner ends it early."""

from typing import Final

from django.db.models.functions import Now

from accounts.authentication import Caller
from api.errors import InvalidRequest, NotFound
from files.models import StoredFile
from inference.batches.models import Batch
from inference.batches.schemas import BatchCreate

LARGEST: Final = 200 * 1024 * 1024  # bytes, as OpenAI has it
CANCELLABLE: Final = (Batch.Status.VALIDATING, Batch.Status.IN_PROGRESS)


def create(caller: Caller, asked: BatchCreate) -> Batch:
    """Raises NotFound, InvalidRequest (the file is none for batches, or too large)."""
    files = StoredFile.objects.all().for_organisation(caller.organisation_id)
    file = files.filter(pk=asked.input_file_id).first()
    if file is None:
        raise NotFound(
            "No such file, or it is not yours.",
            param="input_file_id",
            hint="List yours with GET /v1/files.",
        )
    if file.purpose != StoredFile.Purpose.BATCH:
        raise InvalidRequest(
            f"This file's purpose is '{file.purpose}'. Upload one with the purpose 'batch'.",
            param="input_file_id",
        )
    if file.size > LARGEST:
        raise InvalidRequest(
            f"The input of a batch has at most {LARGEST:,} bytes. Split it.", param="input_file_id"
        )
    expiry = asked.output_expires_after
    batch: Batch = Batch.objects.create(
        organisation_id=caller.organisation_id,
        key_id=caller.key_id,
        endpoint=asked.endpoint,
        input_file_id=file.id,
        metadata=asked.metadata or {},
        output_expires_after=expiry.seconds if expiry else None,
    )
    return batch


def find(organisation_id: str, batch_id: str) -> Batch:
    mine: Batch | None = (
        Batch.objects.all().for_organisation(organisation_id).filter(pk=batch_id).first()
    )
    if mine is None:
        raise NotFound(
            "No such batch, or it is not yours.", hint="List yours with GET /v1/batches."
        )
    return mine


def cancel(organisation_id: str, batch_id: str) -> Batch:
    """The worker does the rest, in seconds. Cancelling again changes nothing.

    Raises NotFound, InvalidRequest (it is over).
    """
    batch = find(organisation_id, batch_id)
    Batch.objects.filter(pk=batch.pk, status__in=CANCELLABLE).update(
        status=Batch.Status.CANCELLING, cancelling_at=Now()
    )
    batch.refresh_from_db()
    if batch.status not in {Batch.Status.CANCELLING, Batch.Status.CANCELLED}:
        raise InvalidRequest(
            f"A batch that is {batch.status} cannot be cancelled.", code="batch_not_cancellable"
        )
    return batch
