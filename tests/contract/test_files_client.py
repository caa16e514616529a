"""Files through the real client on the live server: whole, in parts, large, and somebody else's."""

import hashlib
import io
from pathlib import Path

import httpx
import openai
import pytest

from tests.running import Server

MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def client(server: Server) -> openai.OpenAI:
    return server.tenant("Files", requests_per_minute=10_000).client(max_retries=0)


def text(size: int) -> bytes:
    return (b"All work and no play makes a dull file.\n" * (size // 40 + 1))[:size]


def test_a_large_file_comes_back_byte_for_byte(client: openai.OpenAI) -> None:
    content = text(40 * MEGABYTE)
    file = client.files.create(file=("large.txt", content), purpose="user_data")
    assert (file.bytes, file.filename, file.status) == (len(content), "large.txt", "processed")
    assert client.files.content(file.id).content == content
    assert file.id in [one.id for one in client.files.list(purpose="user_data")]
    assert client.files.delete(file.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(file.id)


def test_the_clients_own_helper_uploads_in_chunks(client: openai.OpenAI, tmp_path: Path) -> None:
    content = text(3 * MEGABYTE + 17)
    place = tmp_path / "chunks.txt"
    place.write_bytes(content)
    upload = client.uploads.upload_file_chunked(
        file=place,
        mime_type="text/plain",
        purpose="user_data",
        part_size=MEGABYTE,
        md5=hashlib.md5(content, usedforsecurity=False).hexdigest(),
    )
    assert upload.status == "completed"
    assert upload.file is not None
    assert client.files.content(upload.file.id).content == content


def test_a_wrong_line_is_named(client: openai.OpenAI) -> None:
    lines = b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{}}\n{"broken"\n'
    with pytest.raises(openai.BadRequestError, match="Line 2") as caught:
        client.files.create(file=("b.jsonl", io.BytesIO(lines)), purpose="batch")
    assert caught.value.code == "invalid_jsonl"


def test_another_organisation_sees_nothing(client: openai.OpenAI, server: Server) -> None:
    file = client.files.create(file=("mine.txt", b"mine"), purpose="assistants")
    stranger = server.tenant("Nobody").client(max_retries=0)
    assert stranger.files.list().data == []
    for look in (stranger.files.retrieve, stranger.files.content, stranger.files.delete):
        with pytest.raises(openai.NotFoundError):
            look(file.id)


def test_a_large_body_without_a_key_is_refused_at_once(server: Server) -> None:
    form = {"file": ("large.txt", text(5 * MEGABYTE))}
    answer = httpx.post(f"{server.url}/v1/files", files=form, data={"purpose": "user_data"})
    assert answer.status_code in {401, 413}
