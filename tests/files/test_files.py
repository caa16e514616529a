"""Files are uploaded, listed, read and deleted; what is wrong with one is said in words."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import storages
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from accounts import keys
from api import rate_limits
from files import cleaning
from files.models import Space, StoredFile
from tests.cast import Person
from tests.files.conftest import client_of, named

PDF = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n"


@pytest.fixture(autouse=True)
def fresh_minute() -> None:
    rate_limits.forget_all()


def send(
    http: APIClient, name: str = "notes.txt", content: bytes | str = "hello", **more: Any
) -> Any:
    fields = {"file": named(name, content), "purpose": "user_data", **more}
    return http.post("/v1/files", fields, format="multipart")


def ends(anchor: str, seconds: int) -> dict[str, str]:
    return {"expires_after[anchor]": anchor, "expires_after[seconds]": str(seconds)}


def content_of(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def error_of(answer: Any) -> tuple[int, str, str]:
    error = answer.json()["error"]
    return answer.status_code, error["param"], error["code"]


def test_a_file_comes_back_byte_for_byte(http: APIClient) -> None:
    content = "naïve 🙂\r\n".encode() * 1000
    file = send(http, "../../etc/näme\x1b[31m.txt", content).json()
    assert file["object"] == "file"
    assert file["bytes"] == len(content)
    assert file["filename"] == "näme[31m.txt"
    assert file["status"] == "processed"
    assert "expires_at" not in file  # OpenAI's description knows no null there
    assert http.get(f"/v1/files/{file['id']}").json() == file
    answer: Any = http.get(f"/v1/files/{file['id']}/content")
    assert content_of(answer) == content
    assert answer["content-disposition"].startswith("attachment")
    assert answer["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer["content-security-policy"]


def test_what_the_user_called_it_touches_no_name_on_disk(http: APIClient) -> None:
    stored = StoredFile.objects.get(pk=send(http, "secret-plans.txt").json()["id"])
    assert "secret" not in stored.storage_name
    assert storages["files"].exists(stored.storage_name)


def test_a_deleted_file_is_gone_and_its_room_is_free(http: APIClient, ada: Person) -> None:
    file = send(http, content="x" * 1000).json()
    name = StoredFile.objects.get(pk=file["id"]).storage_name
    assert Space.objects.get(pk=ada.organisation.id).used == 1000
    gone = http.delete(f"/v1/files/{file['id']}").json()
    assert gone == {"id": file["id"], "object": "file", "deleted": True}
    assert http.get(f"/v1/files/{file['id']}").status_code == 404
    assert not storages["files"].exists(name)
    assert Space.objects.get(pk=ada.organisation.id).used == 0


def test_lists_are_pages_of_a_purpose(http: APIClient) -> None:
    ids = [send(http, f"{n}.txt").json()["id"] for n in range(3)]
    send(http, "o.txt", purpose="assistants")
    first = http.get("/v1/files?purpose=user_data&limit=2&order=asc").json()
    assert [file["id"] for file in first["data"]] == ids[:2]
    assert first["has_more"]
    rest = http.get(f"/v1/files?purpose=user_data&order=asc&after={ids[1]}").json()
    assert [file["id"] for file in rest["data"]] == ids[2:]
    assert error_of(http.get("/v1/files?purpose=x"))[:2] == (400, "purpose")


def test_a_page_may_hold_ten_thousand_and_does_unless_asked_otherwise(
    http: APIClient, ada: Person
) -> None:
    facts = {"organisation": ada.organisation, "size": 1, "complete": True}
    StoredFile.objects.bulk_create(
        StoredFile(id=f"file-{n}", storage_name=str(n), **facts) for n in range(150)
    )
    for path in ("/v1/files", "/v1/files?limit=10000"):
        assert len(http.get(path).json()["data"]) == 150
    refused = http.get("/v1/files?limit=10001")
    assert error_of(refused)[:2] == (400, "limit")


def test_a_stranger_sees_nothing(http: APIClient, mallory: Person) -> None:
    file = send(http).json()
    stranger = client_of(mallory)
    assert stranger.get("/v1/files").json()["data"] == []
    for path in ("", "/content"):
        assert stranger.get(f"/v1/files/{file['id']}{path}").status_code == 404
    assert stranger.delete(f"/v1/files/{file['id']}").status_code == 404
    assert http.get(f"/v1/files/{file['id']}").status_code == 200


def test_reading_and_writing_need_their_scopes(http: APIClient, ada: Person) -> None:
    _key, reader = keys.issue(ada.organisation.id, name="r", scopes=["files:read"])
    client = client_of(Person(ada.user, ada.organisation, reader))
    file = send(http).json()
    assert client.get("/v1/files").status_code == 200
    assert send(client).status_code == 403
    assert client.delete(f"/v1/files/{file['id']}").status_code == 403


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("a.txt", b"", "empty_file"),
        ("a.txt", b"MZ\x90\x00\x03\x00", "unsupported_file"),
        ("a.txt", b"caf\xe9", "unsupported_file"),
        ("a.txt", PDF, "unsupported_file"),
        ("a.pdf", b"only text", "unsupported_file"),
        ("a.docx", b"PK\x03\x04 no archive", "unsupported_file"),
        ("a.png", b"\xff\xd8\xff\xe0", "unsupported_file"),
    ],
)
def test_a_file_that_is_not_what_it_says_is_refused(
    http: APIClient, name: str, content: bytes, code: str
) -> None:
    assert error_of(send(http, name, content)) == (400, "file", code)
    assert not StoredFile.objects.exists()


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"purpose": "mischief"}, "purpose"),
        ({"purpose": "batch_output"}, "purpose"),
        (ends("created_at", 60), "expires_after.seconds"),
        (ends("now", 3600), "expires_after.anchor"),
        ({"surprise": "1"}, "surprise"),
        ({"file": "no file"}, "file"),
    ],
)  # fmt: skip
def test_wrong_fields_are_named(http: APIClient, fields: dict[str, Any], param: str) -> None:
    assert error_of(send(http, **fields))[:2] == (400, param)


@pytest.mark.parametrize(
    "fields", [{f"x{i}": "1" for i in range(2000)}, {"purpose": "y" * 5_000_000}]
)
def test_a_form_of_too_much_besides_its_file_is_refused(
    http: APIClient, fields: dict[str, str]
) -> None:
    answer: Any = http.post("/v1/files", fields, format="multipart")
    assert answer.status_code == 400
    assert "This form has too many fields" in answer.json()["error"]["message"]


def test_content_that_goes_away_at_this_moment_is_not_found(http: APIClient) -> None:
    file_id = send(http, "a.txt", b"text").json()["id"]
    storages["files"].delete(StoredFile.objects.get(pk=file_id).storage_name)
    answer: Any = http.get(f"/v1/files/{file_id}/content")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_json_where_a_form_belongs_is_a_clear_error(http: APIClient) -> None:
    answer = http.post("/v1/files", {"purpose": "user_data"}, format="json")
    assert answer.status_code == 400
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


def test_an_organisation_cannot_pass_its_quota(http: APIClient, settings: Settings) -> None:
    settings.FILE_QUOTA_BYTES = 1000
    assert send(http, content="x" * 600).status_code == 200
    refused = send(http, content="x" * 600)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "storage_quota_exceeded")
    assert send(http, content="x" * 400).status_code == 200


def test_a_quota_of_its_own_wins(http: APIClient, ada: Person, settings: Settings) -> None:
    settings.FILE_QUOTA_BYTES = 10
    Space.objects.create(organisation=ada.organisation, quota=100)
    assert send(http, content="x" * 100).status_code == 200
    assert send(http, content="x").status_code == 403


def test_a_full_disk_is_said_and_leaves_nothing(
    http: APIClient, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(storages["files"], "_save", full)
    refused = send(http)
    assert (refused.status_code, refused.json()["error"]["code"]) == (507, "storage_full")
    assert not StoredFile.objects.exists()
    assert Space.objects.get(pk=ada.organisation.id).used == 0


def test_an_expired_file_is_not_seen_and_then_forgotten(http: APIClient, ada: Person) -> None:
    file = send(http, **ends("created_at", 3600)).json()
    assert file["expires_at"] - file["created_at"] == 3600
    StoredFile.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert http.get(f"/v1/files/{file['id']}").status_code == 404
    assert cleaning.clean() == 1
    assert not StoredFile.objects.exists()
    assert Space.objects.get(pk=ada.organisation.id).used == 0


def test_what_a_crash_left_half_received_is_forgotten(http: APIClient, ada: Person) -> None:
    file = send(http).json()
    StoredFile.objects.update(complete=False)
    assert http.get(f"/v1/files/{file['id']}").status_code == 404
    assert cleaning.clean() == 0  # it may still be coming
    StoredFile.objects.update(created_at=timezone.now() - timedelta(hours=3))
    assert cleaning.clean() == 1
    assert Space.objects.get(pk=ada.organisation.id).used == 0
