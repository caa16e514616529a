"""The worker's part: claim files that are in progress, one after another, and make chunks of them.

All of a file's chunks and its new status come in one transaction, and only from the worker that
still holds the row: what a killed one leaves behind is a lease that lapses.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from django.db import connections, transaction

from api.errors import StorageQuotaExceeded
from files import extraction
from files.extraction import Unreadable
from files.models import StoredFile
from knowledge import adding, chunking
from knowledge.chunking import Piece
from knowledge.models import Chunk, Status, StoreFile

MOST_ATTEMPTS: Final = 3
RENEW_SECONDS: Final = 15
AT_ONCE: Final = 500  # rows of an INSERT
ErrorCode = StoreFile.ErrorCode
UNSUPPORTED: Final = {"unsupported", "not_installed"}
"""Of `extraction.CODES`; with the others the file itself is wrong."""

logger = logging.getLogger(__name__)
_at_work = threading.Lock()
_leaving = threading.Event()


def work() -> None:
    """Until no file is left that may be claimed. One call of a process works, others return."""
    if not _at_work.acquire(blocking=False):
        return
    try:
        for file in _claimed():
            read(file)
    finally:
        _at_work.release()


def leave() -> None:
    """The process is going to end: begin no other file."""
    _leaving.set()


def _claimed() -> Iterator[StoreFile]:
    """The organisations in turn: one's two thousand files do not keep another's from being read."""
    served: set[str] = set()
    while not _leaving.is_set():
        waiting = StoreFile.objects.all().in_progress()
        file = waiting.exclude(organisation_id__in=served).claim()
        if file is None and not served:
            return
        if file is None:
            served.clear()
        else:
            served.add(file.organisation_id)
            yield file


def read(file: StoreFile) -> None:
    """Leaves it completed or failed, unless it is no longer ours."""
    if file.attempts > MOST_ATTEMPTS:
        _fail(file, ErrorCode.SERVER_ERROR, "Reading it ended this server's worker several times.")
        return
    try:
        with _kept(file):
            pieces = _pieces(file)
    except Unreadable as unreadable:
        unsupported = unreadable.code in UNSUPPORTED
        code = ErrorCode.UNSUPPORTED_FILE if unsupported else ErrorCode.INVALID_FILE
        _fail(file, code, str(unreadable))
    except StorageQuotaExceeded as full:
        _fail(file, ErrorCode.INVALID_FILE, full.message)
    except StoredFile.DoesNotExist:
        return  # deleted meanwhile, and this row with it
    except OSError:
        logger.exception("file_not_read", extra={"file": file.file_id})
        _fail(file, ErrorCode.SERVER_ERROR, "The storage did not hand out this file. Add it again.")
    else:
        _finish(file, pieces)


def _pieces(file: StoreFile) -> list[Piece]:
    adding.require_room(file.organisation_id)
    sections = extraction.text_of(file.file)
    return list(chunking.cut(sections, file.largest_chunk, file.overlap))


def _finish(file: StoreFile, pieces: list[Piece]) -> None:
    chunks = (
        Chunk(
            organisation_id=file.organisation_id, store_id=file.store_id, store_file=file,
            place=place, page=piece.page, text=piece.text, tokens=piece.tokens,
        )
        for place, piece in enumerate(pieces)
    )  # fmt: skip
    usage = sum(len(piece.text.encode()) for piece in pieces)
    with transaction.atomic():
        # This locks the row: who deletes or cancels the file waits, or has come first.
        if file.release(status=Status.COMPLETED, usage_bytes=usage):
            Chunk.objects.bulk_create(chunks, batch_size=AT_ONCE)


def _fail(file: StoreFile, code: ErrorCode, message: str) -> None:
    file.release(status=Status.FAILED, error_code=code, error_message=message)


@contextmanager
def _kept(file: StoreFile) -> Iterator[None]:
    """Renew the lease all the while: reading may last as long as a lease does."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(RENEW_SECONDS):
            file.renew()
        connections.close_all()

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
