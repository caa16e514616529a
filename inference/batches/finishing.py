"""The end of a batch: its files, its figures, its last status; once, whatever crashes meanwhile."""

import json
import tempfile
from datetime import timedelta
from typing import IO, Final

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from api.errors import ApiError, StorageFull, StorageQuotaExceeded
from files import receiving
from files.models import StoredFile
from files.receiving import Incoming
from inference.batches.models import Batch, Line
from inference.batches.validating import error

IN_MEMORY: Final = 8 * 1024 * 1024
RENEWED_EACH: Final = 5_000  # lines
OUTPUT: Final = StoredFile.Purpose.BATCH_OUTPUT
EXPIRED: Final = {
    "code": "batch_expired",
    "message": "This request could not be executed before the completion window expired.",
}
NO_ROOM: Final = "output_file_id"
State, Status = Line.State, Batch.Status


class Lost(Exception):
    """Another worker has the batch now."""


def finish(batch: Batch, refusal: ApiError | None = None) -> None:
    """From `in_progress` (or `cancelling`, or where a crash left it) to its last status.

    `refusal` is why its key may not go on. Where there is no room for the files the batch waits:
    its lease lapses, and the next worker tries again.
    """
    try:
        _begin(batch, refusal)
        _end(batch, _write(batch, State.COMPLETED, "output"), _write(batch, State.FAILED, "error"))
    except Lost:
        return
    except (StorageQuotaExceeded, StorageFull) as full:
        told = error(full.error_code or "storage_full", full.message, param=NO_ROOM)
        batch.renew(errors=[*_lasting(batch), told])


def _begin(batch: Batch, refusal: ApiError | None) -> None:
    errors = [error(refusal.error_code or refusal.type, refusal.message)] if refusal else []
    final = {"finalizing_at": Now(), "errors": errors}
    batch.advance(Status.IN_PROGRESS, Status.FINALIZING, **final)
    _keep(batch)
    batch.refresh_from_db()
    if _last_status(batch) == Status.EXPIRED:
        _unfinished(batch).update(state=State.FAILED, status_code=None)


def _last_status(batch: Batch) -> Batch.Status:
    if batch.cancelling_at:
        return Status.CANCELLED
    if _lasting(batch):
        return Status.FAILED
    unanswered = batch.lines.filter(state=State.FAILED, status_code=None).exists()
    return Status.EXPIRED if unanswered or _unfinished(batch).exists() else Status.COMPLETED


def _lasting(batch: Batch) -> list[dict[str, object]]:
    """Its errors but the one that waiting may mend."""
    return [told for told in batch.errors if told["param"] != NO_ROOM]


def _unfinished(batch: Batch) -> QuerySet[Line]:
    return batch.lines.filter(state__in=(State.PENDING, State.RUNNING))


def _write(batch: Batch, state: Line.State, kind: str) -> StoredFile | None:
    """A file of a batch is known by its name: what an earlier attempt has left goes first."""
    name = f"{batch.id}_{kind}.jsonl"
    mine = StoredFile.objects.filter(organisation_id=batch.organisation_id, purpose=OUTPUT)
    for left in mine.filter(filename=name):
        receiving.forget(left)
    seconds = batch.output_expires_after
    with tempfile.SpooledTemporaryFile(IN_MEMORY) as stream:
        _fill(batch, state, stream)
        if not stream.tell():
            return None
        incoming = Incoming(
            stream=stream,
            filename=name,
            size=stream.tell(),
            purpose=OUTPUT,
            expires_after=None if seconds is None else timedelta(seconds=seconds),
        )
        return receiving.receive(batch.organisation_id, incoming)


def _fill(batch: Batch, state: Line.State, stream: IO[bytes]) -> None:
    rows = batch.lines.filter(state=state).defer("body").order_by("number")
    for count, line in enumerate(rows.iterator(chunk_size=500), start=1):
        stream.write(_told(line).encode() + b"\n")
        if count % RENEWED_EACH == 0:
            _keep(batch)


def _told(line: Line) -> str:
    """As OpenAI writes them. `answer` is JSON already."""
    suffix = line.hold_id.removeprefix("gen_") or f"{line.pk:032x}"
    response, failure = "null", json.dumps(EXPIRED)
    if line.status_code is not None:
        failure = "null"
        response = (
            f'{{"status_code":{line.status_code},"request_id":"req_{suffix}","body":{line.answer}}}'
        )
    custom_id = json.dumps(line.custom_id, ensure_ascii=False)
    return (
        f'{{"id":"batch_req_{suffix}","custom_id":{custom_id},'
        f'"response":{response},"error":{failure}}}'
    )


def _end(batch: Batch, output: StoredFile | None, errors: StoredFile | None) -> None:
    status = _last_status(batch)
    with transaction.atomic():
        ended = batch.release(
            status=status,
            output_file_id=output.id if output else "",
            error_file_id=errors.id if errors else "",
            errors=_lasting(batch),
            **{f"{status}_at": Now()},
            **figures(batch),
        )
        if ended:
            batch.lines.all().delete()
    if not ended:
        for file in filter(None, (output, errors)):
            receiving.forget(file)


def figures(batch: Batch) -> dict[str, int]:
    """What its lines have come to so far, and what the ledger says that they cost."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, [batch.id])
        row = cursor.fetchone()
    names = (
        "completed", "failed", "prompt_tokens", "cached_tokens", "completion_tokens", "charged",
    )  # fmt: skip
    return dict(zip(names, map(int, row), strict=True))


def counts(batch: Batch) -> dict[str, int]:
    """The first two of them, cheap enough for every second."""
    return {
        "completed": batch.lines.filter(state=State.COMPLETED).count(),
        "failed": batch.lines.filter(state=State.FAILED).count(),
    }


_FIGURES: Final = """
    SELECT count(*) FILTER (WHERE line.state = 'completed'),
           count(*) FILTER (WHERE line.state = 'failed'),
           coalesce(sum(hold.prompt_tokens), 0), coalesce(sum(hold.cached_tokens), 0),
           coalesce(sum(hold.completion_tokens), 0), coalesce(sum(hold.charged), 0)
      FROM batches_line AS line
      LEFT JOIN billing_hold AS hold ON hold.id = line.hold_id AND line.state = 'completed'
     WHERE line.batch_id = %s
"""


def _keep(batch: Batch) -> None:
    if not batch.renew():
        raise Lost
