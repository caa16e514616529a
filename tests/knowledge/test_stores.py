"""Vector stores are made, listed, changed and deleted; they expire when nobody uses them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts import keys
from knowledge import adding, ingesting, stores
from knowledge.models import Chunk, StoreFile, VectorStore
from tests.cast import Person
from tests.files.conftest import client_of
from tests.knowledge.conftest import Owner, only

NOBODY = {"in_progress": 0, "completed": 0, "failed": 0, "cancelled": 0, "total": 0}


def error_of(told: dict[str, Any]) -> str:
    param: str = told["error"]["param"]
    return param


def test_a_new_store_has_openais_shape(owner: Owner) -> None:
    made = owner.post("", {"name": "Menus", "metadata": {"town": "Ulm"}})
    assert made["object"] == "vector_store"
    assert made["id"].startswith("vs_")
    assert (made["name"], made["metadata"], made["status"]) == (
        "Menus",
        {"town": "Ulm"},
        "completed",
    )
    assert made["file_counts"] == NOBODY
    assert made["usage_bytes"] == 0
    assert made["expires_after"] is made["expires_at"] is None
    assert owner.get(f"/{made['id']}") == made


def test_a_store_tells_how_far_its_files_are(owner: Owner) -> None:
    files = [owner.file("one").id, owner.file("two").id]
    made = owner.post("", {"file_ids": files})
    assert made["status"] == "in_progress"
    assert made["file_counts"] == {**NOBODY, "in_progress": 2, "total": 2}
    ingesting.work()
    done = owner.get(f"/{made['id']}")
    assert done["status"] == "completed"
    assert done["file_counts"] == {**NOBODY, "completed": 2, "total": 2}
    assert done["usage_bytes"] == len("onetwo")


def test_lists_are_pages(owner: Owner) -> None:
    ids = [owner.post("", {"name": str(n)})["id"] for n in range(3)]
    first = owner.get("?limit=2&order=asc")
    assert [row["id"] for row in first["data"]] == ids[:2]
    assert first["has_more"]
    rest = owner.get(f"?order=asc&after={ids[1]}")
    assert [row["id"] for row in rest["data"]] == ids[2:]


def test_what_a_change_leaves_out_stays(owner: Owner) -> None:
    made = owner.post("", {"name": "a", "metadata": {"k": "v"}})
    changed = owner.post(f"/{made['id']}", {"name": "b"})
    assert (changed["name"], changed["metadata"]) == ("b", {"k": "v"})
    assert owner.post(f"/{made['id']}", {"metadata": None})["metadata"] == {}


def test_a_deleted_store_is_gone_with_its_chunks_and_the_file_stays(owner: Owner) -> None:
    store = owner.store("soup")
    file = only(store).file_id
    gone = owner.delete(f"/{store}")
    assert gone == {"id": store, "object": "vector_store.deleted", "deleted": True}
    owner.get(f"/{store}", 404)
    assert not StoreFile.objects.exists()
    assert not Chunk.objects.exists()
    assert owner.http.get(f"/v1/files/{file}").status_code == 200


def test_use_puts_off_the_expiry(owner: Owner) -> None:
    store = owner.store("soup", expires_after={"anchor": "last_active_at", "days": 2})
    soon = timezone.now() + timedelta(hours=1)
    VectorStore.objects.update(expires_at=soon, last_active_at=soon - timedelta(days=2))
    owner.search(store, "soup")
    told = owner.get(f"/{store}")
    assert told["expires_at"] - told["last_active_at"] == 2 * 24 * 3600
    assert told["last_active_at"] > (soon - timedelta(days=1)).timestamp()


def test_an_expired_store_says_so_and_is_emptied(owner: Owner) -> None:
    store = owner.store("soup", expires_after={"anchor": "last_active_at", "days": 1})
    VectorStore.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert owner.get(f"/{store}")["status"] == "expired"
    refused = owner.post(f"/{store}/search", {"query": "soup"}, 400)
    assert "expired" in refused["error"]["message"]
    assert stores.expire() == 1
    assert not Chunk.objects.exists()
    assert owner.get(f"/{store}")["status"] == "expired"
    assert stores.expire() == 0


def test_an_expiry_can_be_taken_back(owner: Owner) -> None:
    store = owner.store("soup", expires_after={"anchor": "last_active_at", "days": 1})
    assert owner.post(f"/{store}", {"expires_after": None})["expires_at"] is None


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"surprise": 1}, "surprise"),
        ({"name": "x" * 257}, "name"),
        ({"expires_after": {"anchor": "created_at", "days": 1}}, "expires_after.anchor"),
        ({"expires_after": {"anchor": "last_active_at", "days": 366}}, "expires_after.days"),
        ({"metadata": {str(n): "" for n in range(17)}}, "metadata"),
        ({"chunking_strategy": {"type": "static"}}, "chunking_strategy.static"),
    ],
)
def test_wrong_fields_are_named(owner: Owner, body: dict[str, Any], param: str) -> None:
    assert error_of(owner.post("", body, 400)) == param


def test_somebody_elses_file_cannot_be_added(owner: Owner, stranger: Owner) -> None:
    file = stranger.file("their secret")
    assert error_of(owner.post("", {"file_ids": [file.id]}, 404)) == "file_ids"
    assert not VectorStore.objects.exists()


def test_the_number_of_stores_is_limited(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MOST_STORES", 1)
    owner.post("")
    assert "at most" in owner.post("", status=400)["error"]["message"]


def test_the_number_of_files_is_limited(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adding, "MOST_FILES", 1)
    store = owner.store("one")
    owner.post(f"/{store}/files", {"file_id": owner.file("two").id}, 400)
    again = only(store).file_id
    owner.post(f"/{store}/files", {"file_id": again})


def test_reading_and_writing_need_their_scopes(owner: Owner, ada: Person) -> None:
    store = owner.store("soup")
    _key, reader = keys.issue(ada.organisation.id, name="r", scopes=["files:read"])
    reading = Owner(ada.organisation, client_of(Person(ada.user, ada.organisation, reader)))
    assert reading.search(store, "soup")
    reading.post("", status=403)
    reading.post(f"/{store}", status=403)
    assert reading.http.delete(f"/v1/vector_stores/{store}").status_code == 403
