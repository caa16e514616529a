"""Files in S3 (the extra `s3`), tried on a server of its protocol on this machine."""

import gc
import os
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import boto3
import pytest
from botocore.exceptions import IncompleteReadError
from botocore.response import StreamingBody
from django.core.files.storage import Storage
from moto.server import ThreadedMotoServer
from rest_framework.test import APIClient

from api.errors import StorageUnavailable
from files import cleaning, lines, storage
from files.bucket import Bucket
from files.models import Space, StoredFile
from tests.cast import Person
from tests.files.conftest import named
from tests.running import free_port

ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "x",
    "AWS_SECRET_ACCESS_KEY": "y",
    "AWS_DEFAULT_REGION": "us-east-1",
}
Keep = Callable[[str], Storage]


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """Where S3 is said to be; nobody listens there yet."""
    port = free_port()
    for name, value in ENVIRONMENT.items():
        monkeypatch.setitem(os.environ, name, value)
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{port}")
    return port


@pytest.fixture
def keep_in(port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Keep]:
    """Files lie in the bucket of this name from now on."""
    buckets: list[Any] = []

    def keep(name: str) -> Storage:
        made: Storage = Bucket(bucket_name=name, default_acl="private", querystring_auth=True)
        monkeypatch.setattr(storage, "storage", lambda: made)
        buckets.append(made)
        return made

    yield keep
    for each in buckets:
        each.connection.meta.client.close()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # s3transfer leaves answers that broke off to it


@pytest.fixture
def bucket(port: int, keep_in: Keep) -> Iterator[Callable[[], list[str]]]:
    """The names of the objects in it, when it is asked."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    client: Any = boto3.client("s3")
    name = f"files-{port}"  # what other tests left is in theirs
    client.create_bucket(Bucket=name)
    keep_in(name)
    yield lambda: [one["Key"] for one in client.list_objects_v2(Bucket=name).get("Contents", [])]
    client.close()
    server.stop()


def test_what_is_written_is_read_and_removed(bucket: Callable[[], list[str]]) -> None:
    name, content = storage.new_name(), os.urandom(3_000_000)
    storage.write(name, BytesIO(content))
    assert bucket() == [name]
    with storage.open_file(name) as stream:
        assert stream.read() == content
    storage.remove(name)
    storage.remove(name)
    assert bucket() == []
    with pytest.raises(FileNotFoundError, match="not exist"):
        storage.open_file(name)


def test_lines_are_read_one_by_one(bucket: Callable[[], list[str]]) -> None:
    name = storage.new_name()
    storage.write(name, BytesIO(b'{"a": 1}\n\n{"b": 2}\n'))
    with storage.open_file(name) as stream:
        assert list(lines.objects(stream)) == [(1, {"a": 1}), (3, {"b": 2})]
    assert bucket() == [name]


def test_a_bucket_that_is_not_there_is_said_so(
    bucket: Callable[[], list[str]], keep_in: Keep
) -> None:
    keep_in("another")
    with pytest.raises(StorageUnavailable):
        storage.write(storage.new_name(), BytesIO(b"hello"))


def test_an_upload_that_cannot_be_kept_is_503_and_takes_no_room(
    http: APIClient, ada: Person, keep_in: Keep
) -> None:
    keep_in("files")
    fields = {"file": named("notes.txt", "hello"), "purpose": "user_data"}
    refused = http.post("/v1/files", fields, format="multipart")
    assert refused.status_code == 503
    assert refused.json()["error"]["code"] == "storage_unavailable"
    assert refused["retry-after"] == "5"
    assert not http.get("/v1/files").json()["data"]
    assert StoredFile.objects.filter(complete=False).count() == 1  # there may be bytes of it


def test_what_was_left_is_removed_when_the_bucket_is_back(
    http: APIClient, ada: Person, keep_in: Keep, request: pytest.FixtureRequest
) -> None:
    keep_in("files")
    fields = {"file": named("notes.txt", "hello"), "purpose": "user_data"}
    http.post("/v1/files", fields, format="multipart")
    request.getfixturevalue("bucket")  # from now on
    StoredFile.objects.update(created_at="2026-01-01T00:00:00Z")
    assert cleaning.clean() == 1
    assert not StoredFile.objects.exists()
    assert Space.objects.get(organisation=ada.organisation).used == 0


def test_a_download_that_breaks_off_again_and_again_is_said_so(
    bucket: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.write(name := storage.new_name(), BytesIO(b"hello"))

    def broken(*_arguments: object, **_options: object) -> bytes:
        raise IncompleteReadError(actual_bytes=1, expected_bytes=5)

    monkeypatch.setattr(StreamingBody, "read", broken)
    with pytest.raises(StorageUnavailable):
        storage.open_file(name)


def test_a_download_that_cannot_be_had_is_503(
    http: APIClient, bucket: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch, keep_in: Keep
) -> None:
    fields = {"file": named("notes.txt", "hello"), "purpose": "user_data"}
    file = http.post("/v1/files", fields, format="multipart").json()
    monkeypatch.setitem(os.environ, "AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{free_port()}")
    keep_in("files")
    refused = http.get(f"/v1/files/{file['id']}/content")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_unavailable")
