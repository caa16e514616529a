"""The worker's part: claim files, several at once, and make chunks and vectors of them.

All of a file's chunks come in one transaction, and only from the worker that still holds the row;
vectors come in pieces, each in the transaction that charges for it. What a killed worker leaves
behind is a lease that lapses: chunks and vectors that are there are not made again.
"""

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import timedelta
from functools import partial
from typing import Final

from django.conf import settings
from django.db import connections, transaction

from api.errors import ApiError, InternalError, StorageQuotaExceeded
from files import extraction
from files.extraction import Section, Unreadable
from files.models import StoredFile
from knowledge import adding, chunking, embedding, vectors
from knowledge.chunking import Piece
from knowledge.models import Chunk, Stage, Status, StoreFile

MOST_ATTEMPTS: Final = 3
LOOK_SECONDS: Final = 1.0
TELL_SECONDS: Final = 0.5
REST: Final = timedelta(minutes=5)
AT_ONCE: Final = 500  # rows of an INSERT
ErrorCode = StoreFile.ErrorCode
UNSUPPORTED: Final = {"unsupported", "not_installed"}
"""Of `extraction.CODES`; with the others the file itself is wrong."""

logger = logging.getLogger(__name__)
_at_work = threading.Lock()
_leaving = threading.Event()


class Pool(ThreadPoolExecutor):
    """Its threads end with their files' connections closed."""

    def start(self, file: StoreFile) -> "Future[None]":
        return self.submit(_read_and_close, file)


def work() -> None:
    """Until no file is left that may be claimed. One call of a process works, others return."""
    if not _at_work.acquire(blocking=False):
        return
    try:
        with Pool(settings.KNOWLEDGE_FILES_AT_ONCE, "knowledge") as pool:
            _see_through(pool)
    finally:
        _at_work.release()


def leave() -> None:
    """The process is going to end: begin no other file, and no other piece of one."""
    _leaving.set()


def _see_through(pool: Pool) -> None:
    turns = _Turns()
    reading: set[Future[None]] = set()
    while True:
        while len(reading) < settings.KNOWLEDGE_FILES_AT_ONCE and (file := turns.next()):
            reading.add(pool.start(file))
        if not reading:
            return
        done, reading = wait(reading, LOOK_SECONDS, FIRST_COMPLETED)
        for one in done:
            if error := one.exception():  # its lease lapses; then it is tried again
                logger.error("file_not_read", exc_info=error)


class _Turns:
    """The organisations in turn: one's two thousand files do not keep another's from being read."""

    def __init__(self) -> None:
        self._served: set[str] = set()

    def next(self) -> StoreFile | None:
        """Claimed: what waits to be read, before what a new model is to read again."""
        if _leaving.is_set():
            return None
        for waiting in (StoreFile.objects.all().in_progress(), vectors.behind()):
            file: StoreFile | None = waiting.exclude(organisation_id__in=self._served).claim()
            if file is None and self._served:
                self._served.clear()
                file = waiting.claim()
            if file is not None:
                self._served.add(file.organisation_id)
                return file
        return None


def _read_and_close(file: StoreFile) -> None:
    try:
        read(file)
    finally:
        connections.close_all()


def read(file: StoreFile) -> None:
    """Leaves it completed or failed, unless it is no longer ours, or the process is leaving."""
    if file.stage == Stage.EMBEDDING or _cut(file):
        _embed(file)


def _cut(file: StoreFile) -> bool:
    """Has it chunks now?"""
    if file.attempts > MOST_ATTEMPTS:
        _fail(file, ErrorCode.SERVER_ERROR, "Reading it ended this server's worker several times.")
        return False
    try:
        with file.kept():
            pieces = _pieces(file)
    except Unreadable as unreadable:
        unsupported = unreadable.code in UNSUPPORTED
        code = ErrorCode.UNSUPPORTED_FILE if unsupported else ErrorCode.INVALID_FILE
        _fail(file, code, str(unreadable))
    except StorageQuotaExceeded as full:
        _fail(file, ErrorCode.INVALID_FILE, full.message)
    except StoredFile.DoesNotExist:
        return False  # deleted meanwhile, and this row with it
    except OSError:
        logger.exception("file_not_read", extra={"file": file.file_id})
        _fail(file, ErrorCode.SERVER_ERROR, "The storage did not hand out this file. Add it again.")
    else:
        return _store(file, pieces)
    return False


def _pieces(file: StoreFile) -> list[Piece]:
    adding.require_room(file.organisation_id)
    sections = extraction.text_of(file.file, partial(file.note, Stage.READING))
    return list(_noted(file, chunking.cut(sections, file.largest_chunk, file.overlap), sections))


def _noted(
    file: StoreFile, pieces: Iterable[Piece], sections: Sequence[Section]
) -> Iterator[Piece]:
    """Say twice a second how many characters have been cut; overlaps count once, nearly."""
    whole = sum(len(section.text) for section in sections)
    share = 1 - file.overlap / file.largest_chunk
    done, told = 0.0, time.monotonic()
    for piece in pieces:
        done += share * len(piece.text)
        if time.monotonic() - told > TELL_SECONDS:
            file.note(Stage.CUTTING, min(int(done), whole), whole)
            told = time.monotonic()
        yield piece


def _store(file: StoreFile, pieces: list[Piece]) -> bool:
    """The chunks, once; False when the file is no longer ours."""
    chunks = (
        Chunk(
            organisation_id=file.organisation_id, store_id=file.store_id, store_file=file,
            place=place, page=piece.page, text=piece.text, tokens=piece.tokens,
        )
        for place, piece in enumerate(pieces)
    )  # fmt: skip
    usage = sum(len(piece.text.encode()) for piece in pieces)
    told = {"stage": Stage.EMBEDDING, "done": 0, "of": len(pieces), "attempts": 0}
    with transaction.atomic():
        # This locks the row: who deletes or cancels the file waits, or has come first.
        if mine := file.renew(usage_bytes=usage, **told):
            Chunk.objects.bulk_create(chunks, batch_size=AT_ONCE)
    file.attempts = 0
    return mine


def _embed(file: StoreFile) -> None:
    """Where it cannot be done now the file is found by its words, and embedded later."""
    model = vectors.model_of(file.organisation_id)
    if model is None or model == file.embedded_by:
        file.release(status=Status.COMPLETED)
        return
    try:
        if file.attempts > MOST_ATTEMPTS:
            raise InternalError("Embedding it ended this server's worker several times.")
        with file.kept():
            whole = embedding.embed(file, model, _leaving.is_set)
    except embedding.Lost:
        return
    except ApiError as refusal:
        logger.warning("file_not_embedded", extra={"file": file.pk, "reason": refusal.message})
        if file.release(status=Status.COMPLETED, attempts=0):
            file.rest(REST)
        return
    if whole:
        file.release(status=Status.COMPLETED, embedded_by=model, attempts=0)
    else:
        file.release(attempts=0)


def _fail(file: StoreFile, code: ErrorCode, message: str) -> None:
    file.release(status=Status.FAILED, error_code=code, error_message=message)
