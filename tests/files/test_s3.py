"""Files in S3 (the extra `s3`), tried on a server of its protocol on this machine."""

import os
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from django.core.files.storage import storages

from files import lines, storage
from tests.running import free_port

REASON = "needs the extra `s3` and the package moto[server]"


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The names of the objects in it, when it is asked."""
    pytest.importorskip("storages.backends.s3", reason=REASON)
    moto: Any = pytest.importorskip("moto.server", reason=REASON)
    boto: Any = pytest.importorskip("boto3", reason=REASON)
    port = free_port()
    for name, value in {
        "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "y",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setitem(os.environ, name, value)
    options = {"bucket_name": "files", "default_acl": "private", "querystring_auth": True}
    backend = {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
    server.start()
    client = boto.client("s3")
    client.create_bucket(Bucket="files")
    made = storages.create_storage(backend)
    monkeypatch.setattr(storage, "storage", lambda: made)
    yield lambda: [one["Key"] for one in client.list_objects_v2(Bucket="files").get("Contents", [])]
    server.stop()


def test_what_is_written_is_read_and_removed(bucket: Any) -> None:
    name, content = storage.new_name(), os.urandom(3_000_000)
    storage.write(name, BytesIO(content))
    assert bucket() == [name]
    with storage.open_file(name) as stream:
        assert stream.read() == content
    storage.remove(name)
    storage.remove(name)
    assert bucket() == []
    with pytest.raises(OSError, match="not exist"):
        storage.open_file(name)


def test_lines_are_read_one_by_one(bucket: Any) -> None:
    name = storage.new_name()
    storage.write(name, BytesIO(b'{"a": 1}\n\n{"b": 2}\n'))
    with storage.open_file(name) as stream:
        assert list(lines.objects(stream)) == [(1, {"a": 1}), (3, {"b": 2})]
    assert bucket() == [name]
