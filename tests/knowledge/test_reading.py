"""Files become chunks once, whatever happens to the worker; what cannot be read says why."""

from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from pypdf import PdfWriter
from pytest_django import Settings

from files import extraction, receiving
from files.models import StoredFile
from knowledge import chunking, ingesting
from knowledge.models import Chunk, StoreFile
from tests.knowledge.conftest import Owner, only, texts


def in_store(owner: Owner, content: str | bytes = "soup", name: str = "a.txt") -> StoreFile:
    """A file that was added and not yet read."""
    return only(owner.post("", {"file_ids": [owner.file(content, name).id]})["id"])


def claimed(owner: Owner) -> StoreFile:
    in_store(owner)
    row: StoreFile | None = StoreFile.objects.all().in_progress().claim()
    assert row is not None
    return row


def pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(100, 100)
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def test_what_a_killed_worker_left_is_read_once_its_lease_has_lapsed(owner: Owner) -> None:
    row = claimed(owner)
    ingesting.work()
    assert not Chunk.objects.exists()  # somebody may still be at it
    StoreFile.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    ingesting.work()
    row.refresh_from_db()
    assert (row.status, row.holder) == ("completed", "")
    assert Chunk.objects.count() == 1


def test_a_worker_that_was_taken_for_dead_adds_nothing(owner: Owner) -> None:
    row = claimed(owner)
    StoreFile.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    ingesting.work()
    ingesting.read(row)
    assert Chunk.objects.count() == 1


def test_a_file_that_kills_workers_is_given_up(owner: Owner) -> None:
    row = in_store(owner)
    StoreFile.objects.update(attempts=ingesting.MOST_ATTEMPTS)
    ingesting.work()
    row.refresh_from_db()
    assert (row.status, row.error_code) == ("failed", "server_error")
    assert row.holder == ""


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("blank.pdf", pdf(), "invalid_file"),
        ("broken.pdf", b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", "invalid_file"),
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(100), "unsupported_file"),
        ("white.txt", b"   \n", "invalid_file"),
    ],
)
def test_what_cannot_be_read_says_why(owner: Owner, name: str, content: bytes, code: str) -> None:
    row = in_store(owner, content, name)
    ingesting.work()
    told = owner.get(f"/{row.store_id}/files/{row.file_id}")
    assert told["status"] == "failed"
    assert told["last_error"]["code"] == code
    assert told["last_error"]["message"] in extraction.CODES.values()
    counts = owner.get(f"/{row.store_id}")["file_counts"]
    assert (counts["failed"], counts["total"]) == (1, 1)


def test_a_storage_that_fails_is_the_servers_fault(
    owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(extraction, "text_of", away)
    row = in_store(owner)
    ingesting.work()
    row.refresh_from_db()
    assert (row.status, row.error_code) == ("failed", "server_error")


def test_a_full_quota_fails_the_next_file_and_refuses_more(
    owner: Owner, settings: Settings
) -> None:
    settings.KNOWLEDGE_QUOTA_BYTES = 3
    row = in_store(owner)
    second = in_store(owner)
    ingesting.work()
    row.refresh_from_db()
    second.refresh_from_db()
    assert (row.status, second.status) == ("completed", "failed")
    told = owner.post(f"/{row.store_id}/files", {"file_id": second.file_id}, 403)
    assert told["error"]["code"] == "storage_quota_exceeded"


def test_a_file_that_is_deleted_leaves_every_store(owner: Owner) -> None:
    row = in_store(owner)
    ingesting.work()
    receiving.forget(StoredFile.objects.get(pk=row.file_id))
    assert not StoreFile.objects.exists()
    assert not Chunk.objects.exists()


def test_a_file_that_is_deleted_while_it_is_read_leaves_nothing(owner: Owner) -> None:
    row = claimed(owner)
    receiving.forget(StoredFile.objects.get(pk=row.file_id))
    ingesting.read(row)
    assert not Chunk.objects.exists()


def test_organisations_are_served_in_turn(
    owner: Owner, stranger: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(ingesting, "read", lambda file: order.append(file.organisation_id))
    for who in (owner, owner, owner, stranger):
        in_store(who)
    ingesting.work()
    mine, theirs = owner.organisation.id, stranger.organisation.id
    assert order == [mine, theirs, mine, mine]


def test_a_worker_that_leaves_begins_no_other_file(owner: Owner) -> None:
    row = in_store(owner)
    ingesting.leave()
    ingesting.work()
    row.refresh_from_db()
    assert row.status == "in_progress"
    assert row.attempts == 0


def test_chunks_hold_so_many_tokens_and_overlap(owner: Owner) -> None:
    text = " ".join(f"Sentence number {n} is here." for n in range(2000))
    pieces = list(chunking.cut([extraction.Section(text, 3)], 100, 50))
    assert all(piece.tokens <= 100 for piece in pieces)
    assert {piece.page for piece in pieces} == {3}
    starts = [text.index(piece.text) for piece in pieces]
    assert starts == sorted(starts)
    overlaps = [starts[n] + len(pieces[n].text) - starts[n + 1] for n in range(len(pieces) - 1)]
    assert all(0 < overlap <= 200 for overlap in overlaps)
    assert list(chunking.cut([extraction.Section(text, 3)], 100, 50)) == pieces


@pytest.mark.parametrize("text", ["x" * 100_000, "漢" * 20_000, "🙂" * 5_000, "a\n" * 9_000])
def test_no_text_makes_a_chunk_that_is_too_large(text: str) -> None:
    pieces = list(chunking.cut([extraction.Section(text)], 800, 400))
    assert pieces
    assert all(piece.tokens <= 800 for piece in pieces)


def test_half_a_character_is_no_reason_to_fail() -> None:
    (piece,) = chunking.cut([extraction.Section("a \ud800 b")], 800, 400)
    assert piece.text == "a ? b"


def test_the_database_refuses_a_chunk_in_another_organisation(
    owner: Owner, stranger: Owner
) -> None:
    store = owner.store("soup")
    row = only(store)
    Chunk.objects.create(
        organisation=stranger.organisation, store_id=store, store_file=row, place=9, tokens=0,
    )  # fmt: skip
    with pytest.raises(IntegrityError), transaction.atomic():
        connection.check_constraints()
    Chunk.objects.filter(place=9).delete()


def test_a_file_added_again_is_read_anew_and_found_once(owner: Owner) -> None:
    store = owner.store("soup")
    file_id = only(store).file_id
    again: dict[str, Any] = owner.post(
        f"/{store}/files", {"file_id": file_id, "attributes": {"a": 1}}
    )
    assert again["status"] == "in_progress"
    ingesting.work()
    assert texts(owner.search(store, "soup")) == ["soup"]
    assert only(store).attributes == {"a": 1}
