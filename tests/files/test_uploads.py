"""Uploads in parts become one file, in the order that was asked for, or nothing at all."""

import hashlib
from datetime import timedelta
from io import BytesIO
from typing import IO, Any

import pytest
from django.core.files.storage import storages
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from api import rate_limits
from files import cleaning, storage, uploading
from files.models import Space, StoredFile, Upload, UploadPart
from tests.cast import Person
from tests.files.conftest import client_of, named

PIECES = (b"one ", b"two ", b"three")
WHOLE = b"".join(PIECES)


@pytest.fixture(autouse=True)
def fresh_minute() -> None:
    rate_limits.forget_all()


def begin(http: APIClient, size: int = len(WHOLE), **more: Any) -> Any:
    fields = {
        "bytes": size, "filename": "big.txt", "mime_type": "text/plain", "purpose": "user_data",
        **more,
    }  # fmt: skip
    return http.post("/v1/uploads", fields, format="json")


def add(http: APIClient, upload_id: str, piece: bytes) -> Any:
    return http.post(
        f"/v1/uploads/{upload_id}/parts", {"data": named("p", piece)}, format="multipart"
    )


def complete(http: APIClient, upload_id: str, part_ids: list[str], **more: Any) -> Any:
    body = {"part_ids": part_ids, **more}
    return http.post(f"/v1/uploads/{upload_id}/complete", body, format="json")


def with_parts(http: APIClient) -> tuple[str, list[str]]:
    upload_id = begin(http).json()["id"]
    return upload_id, [add(http, upload_id, piece).json()["id"] for piece in PIECES]


def test_parts_become_a_file_in_the_order_asked_for(http: APIClient, ada: Person) -> None:
    upload_id = begin(http).json()["id"]
    later, first, middle = (
        add(http, upload_id, piece).json() for piece in (PIECES[2], PIECES[0], PIECES[1])
    )
    assert later["object"] == "upload.part"
    assert later["upload_id"] == upload_id
    md5 = hashlib.md5(WHOLE, usedforsecurity=False).hexdigest()
    done = complete(http, upload_id, [first["id"], middle["id"], later["id"]], md5=md5).json()
    assert (done["status"], done["file"]["bytes"]) == ("completed", len(WHOLE))
    content: Any = http.get(f"/v1/files/{done['file']['id']}/content")
    assert b"".join(content.streaming_content) == WHOLE
    assert Space.objects.get(pk=ada.organisation.id).used == len(WHOLE)
    assert not UploadPart.objects.exists()


def test_a_wrong_checksum_leaves_the_upload_open(http: APIClient) -> None:
    upload_id, part_ids = with_parts(http)
    refused = complete(http, upload_id, part_ids, md5="0" * 32)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "md5")
    assert not StoredFile.objects.exists()
    assert complete(http, upload_id, part_ids).json()["status"] == "completed"


def test_missing_foreign_and_repeated_parts_are_refused(http: APIClient) -> None:
    upload_id, part_ids = with_parts(http)
    _other, foreign = with_parts(http)
    for wrong in (part_ids[:2], [*part_ids[:2], foreign[2]], [part_ids[0]] * 3):
        refused = complete(http, upload_id, wrong)
        assert (refused.status_code, refused.json()["error"]["param"]) == (400, "part_ids")


def test_more_bytes_than_announced_are_refused(http: APIClient) -> None:
    upload_id = begin(http, size=5).json()["id"]
    assert add(http, upload_id, b"12345").status_code == 200
    assert add(http, upload_id, b"6").status_code == 400


def test_room_is_taken_at_the_beginning_and_given_back_by_cancelling(
    http: APIClient, ada: Person, settings: Settings
) -> None:
    settings.FILE_QUOTA_BYTES = 100
    upload_id = begin(http, size=80).json()["id"]
    assert begin(http, size=30).status_code == 403
    part = add(http, upload_id, b"x").json()
    name = UploadPart.objects.get(pk=part["id"]).storage_name
    cancelled = http.post(f"/v1/uploads/{upload_id}/cancel").json()
    assert cancelled["status"] == "cancelled"
    assert Space.objects.get(pk=ada.organisation.id).used == 0
    assert begin(http, size=30).status_code == 200
    assert add(http, upload_id, b"x").status_code == 400
    assert name  # on_commit of a test's transaction never comes: see the live test


def test_a_file_that_is_refused_leaves_the_upload_open(http: APIClient, ada: Person) -> None:
    upload_id = begin(http, size=3, filename="a.pdf").json()["id"]
    part = add(http, upload_id, b"abc").json()["id"]
    assert complete(http, upload_id, [part]).json()["error"]["code"] == "unsupported_file"
    assert Upload.objects.get(pk=upload_id).status == "pending"
    assert Space.objects.get(pk=ada.organisation.id).used == 3


@pytest.mark.django_db(transaction=True)
def test_an_upload_ends_after_its_hour(http: APIClient, ada: Person) -> None:
    upload_id, part_ids = with_parts(http)
    names = list(UploadPart.objects.values_list("storage_name", flat=True))
    Upload.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert complete(http, upload_id, part_ids).json()["error"]["code"] == "upload_not_pending"
    assert cleaning.clean() == 1
    assert Upload.objects.get(pk=upload_id).status == "expired"
    assert Space.objects.get(pk=ada.organisation.id).used == 0
    assert not any(storages["files"].exists(name) for name in names)


@pytest.mark.django_db(transaction=True)
def test_a_part_that_comes_while_its_upload_ends_leaves_no_bytes(
    http: APIClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = begin(http).json()["id"]
    names: list[str] = []

    def write_late(name: str, stream: IO[bytes]) -> None:
        uploading.cancel(ada.organisation.id, upload_id)
        names.append(name)
        write(name, stream)

    write = storage.write
    monkeypatch.setattr(storage, "write", write_late)
    refused = add(http, upload_id, PIECES[0])
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "upload_not_pending")
    assert not storages["files"].exists(names[0])


@pytest.mark.django_db(transaction=True)
def test_an_upload_that_ends_while_a_part_comes_leaves_no_bytes(
    http: APIClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_id = begin(http).json()["id"]
    part_id = add(http, upload_id, PIECES[0]).json()["id"]
    name = UploadPart.objects.get(pk=part_id).storage_name

    def delete_early(part: UploadPart) -> None:
        storage.write(name, BytesIO(PIECES[0]))  # after the first look, before the row is gone
        UploadPart.objects.filter(pk=part.pk).delete()

    monkeypatch.setattr(UploadPart, "delete", delete_early)
    uploading.cancel(ada.organisation.id, upload_id)
    assert not storages["files"].exists(name)


def test_a_stranger_can_do_nothing_with_it(http: APIClient, mallory: Person) -> None:
    upload_id, part_ids = with_parts(http)
    stranger = client_of(mallory)
    assert add(stranger, upload_id, b"x").status_code == 404
    assert complete(stranger, upload_id, part_ids).status_code == 404
    assert stranger.post(f"/v1/uploads/{upload_id}/cancel").status_code == 404
