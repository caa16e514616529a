"""Ada's stores at the REST door, and a worker that works when a test says so."""

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from rest_framework.test import APIClient

from accounts.models import Organisation
from api import rate_limits
from files import receiving
from files.models import StoredFile
from files.receiving import Incoming
from knowledge import ingesting, tasks
from knowledge.models import StoreFile
from tests.cast import Person
from tests.files.conftest import client_of

Json = dict[str, Any]


class Inline(Executor):
    """Reads at once, on the connection that sees what the test has not committed."""

    def __init__(self, *_: object) -> None: ...

    def start(self, file: StoreFile) -> "Future[None]":
        done: Future[None] = Future()
        ingesting.read(file)
        done.set_result(None)
        return done


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "wake", lambda: None)
    monkeypatch.setattr(ingesting, "Pool", Inline)
    ingesting._leaving.clear()
    rate_limits.forget_all()


@dataclass(frozen=True)
class Owner:
    organisation: Organisation
    http: APIClient

    def file(self, content: str | bytes, name: str = "notes.txt") -> StoredFile:
        raw = content.encode() if isinstance(content, str) else content
        incoming = Incoming(BytesIO(raw), name, len(raw), "assistants")
        return receiving.receive(self.organisation.id, incoming)

    def post(self, path: str, body: Json | None = None, status: int = 200) -> Json:
        answer: Any = self.http.post(f"/v1/vector_stores{path}", body or {}, format="json")
        assert answer.status_code == status, answer.json()
        told: Json = answer.json()
        return told

    def get(self, path: str, status: int = 200) -> Json:
        answer: Any = self.http.get(f"/v1/vector_stores{path}")
        assert answer.status_code == status, answer.json()
        told: Json = answer.json()
        return told

    def delete(self, path: str) -> Json:
        answer: Any = self.http.delete(f"/v1/vector_stores{path}")
        assert answer.status_code == 200, answer.json()
        told: Json = answer.json()
        return told

    def store(self, *contents: str | bytes, **fields: Any) -> str:
        """A store with these files, all of them read."""
        ids = [self.file(content).id for content in contents]
        store: str = self.post("", {"file_ids": ids, **fields})["id"]
        ingesting.work()
        return store

    def search(self, store: str, query: str | Sequence[str], **fields: Any) -> list[Json]:
        told = self.post(f"/{store}/search", {"query": query, **fields})
        found: list[Json] = told["data"]
        return found


@pytest.fixture
def owner(ada: Person) -> Owner:
    return Owner(ada.organisation, client_of(ada))


@pytest.fixture
def stranger(mallory: Person) -> Owner:
    return Owner(mallory.organisation, client_of(mallory))


def texts(hits: Sequence[Json]) -> list[str]:
    return [hit["content"][0]["text"] for hit in hits]


def only(store: str) -> StoreFile:
    row: StoreFile = StoreFile.objects.get(store_id=store)
    return row
