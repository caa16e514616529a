"""A funded organisation, the scripted model, and a worker that works when a test says so."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connections
from rest_framework.test import APIClient

from accounts import keys, scopes
from accounts.models import APIKey, Organisation
from api import rate_limits
from billing import accounts, topping_up
from billing.models import Price
from files import receiving, storage
from files.models import StoredFile
from files.receiving import Incoming
from inference.batches import tasks, working
from inference.batches.models import Batch
from inference.models import ServedModel

DOLLAR = 10**9
INPUT, OUTPUT = 1_000_001, 2_000_000  # p$/token: half of the first is rounded up
CHAT = "/v1/chat/completions"
Json = dict[str, Any]


def request(custom_id: str, words: str, url: str = CHAT, **fields: object) -> Json:
    """A line: the scripted model says `words`, or does what their hashes say."""
    body: Json = {"model": "scripted", "max_tokens": 50}
    if url == CHAT:
        body["messages"] = [{"role": "user", "content": words}]
    else:
        body["input" if url.endswith("responses") else "prompt"] = words
    if url.endswith("responses"):
        body["max_output_tokens"] = body.pop("max_tokens")
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": {**body, **fields}}


@dataclass(frozen=True)
class Owner:
    organisation: Organisation
    key: APIKey
    secret: str

    def http(self) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.secret}")
        return client

    def upload(self, lines: Sequence[Json]) -> StoredFile:
        raw = "\n".join(json.dumps(line) for line in lines).encode()
        incoming = Incoming(BytesIO(raw), "input.jsonl", len(raw), "batch")
        return receiving.receive(self.organisation.id, incoming)

    def create(self, lines: Sequence[Json], endpoint: str = CHAT, **fields: object) -> Batch:
        asked = {
            "input_file_id": self.upload(lines).id,
            "endpoint": endpoint,
            "completion_window": "24h",
            **fields,
        }
        answer = self.http().post("/v1/batches", asked, format="json")
        assert answer.status_code == 200, answer.json()
        assert answer.json()["status"] == "validating"
        batch: Batch = Batch.objects.get(pk=answer.json()["id"])
        return batch

    def shown(self, batch: Batch) -> Json:
        told: Json = self.http().get(f"/v1/batches/{batch.id}").json()
        return told

    def money(self) -> tuple[int, int]:
        account = accounts.customer_account(self.organisation.id)
        return account.available, account.held


Fund = Callable[..., Owner]


@pytest.fixture(autouse=True)
def no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "wake", lambda: None)
    working._leaving.clear()


@pytest.fixture
def fund(transactional_db: None) -> Iterator[Fund]:
    ServedModel.objects.create(
        id="scripted", engine="scripted:", context_window=8192, state="installed",
        capabilities=["chat", "completions"],
    )  # fmt: skip
    Price.objects.create(model="scripted", input=INPUT, cached_input=INPUT, output=OUTPUT)
    rate_limits.forget_all()

    def make(name: str = "Ada's bakery", nano: int = DOLLAR, **fields: Any) -> Owner:
        organisation = Organisation.objects.create(name=name, slug=name.lower().replace(" ", "-"))
        key, secret = keys.issue(organisation.id, scopes=sorted(scopes.ALL), **fields)
        if nano:
            topping_up.top_up(organisation, nano, ref="start")
        return Owner(organisation, key, secret)

    yield make
    connections.close_all()


@pytest.fixture
def ada(fund: Fund) -> Owner:
    return fund()


def content(file_id: str) -> list[Json]:
    """The lines of an output or error file."""
    stored = StoredFile.objects.get(pk=file_id)
    with storage.open_file(stored.storage_name) as stream:
        return [json.loads(line) for line in stream.read().splitlines()]


def work(batch: Batch) -> Batch:
    working.work()
    batch.refresh_from_db()
    return batch


in_thread = sync_to_async(work, thread_sensitive=False)
