"""Files are put into stores one by one or as a batch, listed, described, cancelled, taken out."""

from typing import Any

import pytest

from knowledge import ingesting
from tests.knowledge.conftest import Owner, texts


@pytest.fixture
def store(owner: Owner) -> str:
    made: str = owner.post("")["id"]
    return made


def batch_of(owner: Owner, store: str, *contents: str) -> dict[str, Any]:
    ids = [owner.file(content).id for content in contents]
    return owner.post(f"/{store}/file_batches", {"file_ids": ids})


def test_a_file_has_openais_shape(owner: Owner, store: str) -> None:
    file = owner.file("soup")
    told = owner.post(f"/{store}/files", {"file_id": file.id, "attributes": {"n": 1, "b": True}})
    assert told["id"] == file.id
    assert (told["object"], told["status"], told["usage_bytes"]) == (
        "vector_store.file", "in_progress", 0,
    )  # fmt: skip
    assert told["vector_store_id"] == store
    assert told["last_error"] is None
    assert told["attributes"] == {"n": 1, "b": True}
    assert told["chunking_strategy"]["static"] == {
        "max_chunk_size_tokens": 800,
        "chunk_overlap_tokens": 400,
    }
    ingesting.work()
    assert told["progress"] == {"stage": "queued", "done": 0, "of": None}
    done = owner.get(f"/{store}/files/{file.id}")
    assert done == {**told, "progress": None, "status": "completed", "usage_bytes": 4}


def test_files_are_listed_by_status_and_page(owner: Owner, store: str) -> None:
    ids = [owner.file(f"{n}").id for n in range(3)]
    for file_id in ids:
        owner.post(f"/{store}/files", {"file_id": file_id})
    first = owner.get(f"/{store}/files?limit=2&order=asc")
    assert [row["id"] for row in first["data"]] == ids[:2]
    rest = owner.get(f"/{store}/files?order=asc&after={first['last_id']}")
    assert [row["id"] for row in rest["data"]] == ids[2:]
    assert owner.get(f"/{store}/files?filter=completed")["data"] == []
    ingesting.work()
    assert len(owner.get(f"/{store}/files?filter=completed")["data"]) == 3
    behind = owner.get(f"/{store}/files?filter=in_progress&order=asc&after={ids[0]}")
    assert behind["data"] == []  # what the cursor names was read meanwhile, and is no error
    assert owner.get(f"/{store}/files?filter=odd", 400)["error"]["param"] == "filter"
    assert owner.get(f"/{store}/files?after=file-x", 400)["error"]["param"] == "after"


def test_attributes_are_replaced_and_filtered_by_at_once(owner: Owner) -> None:
    store = owner.store("soup")
    (file,) = owner.get(f"/{store}/files")["data"]
    told = owner.post(f"/{store}/files/{file['id']}", {"attributes": {"town": "Ulm"}})
    assert told["attributes"] == {"town": "Ulm"}
    ulm = {"type": "eq", "key": "town", "value": "Ulm"}
    assert texts(owner.search(store, "soup", filters=ulm)) == ["soup"]
    refused = owner.post(f"/{store}/files/{file['id']}", {"attributes": {"a": []}}, 400)
    assert refused["error"]["param"].startswith("attributes.a")


def test_a_file_taken_out_is_not_found_any_more_and_stays_a_file(owner: Owner) -> None:
    store = owner.store("soup")
    (file,) = owner.get(f"/{store}/files")["data"]
    gone = owner.delete(f"/{store}/files/{file['id']}")
    assert gone == {"id": file["id"], "object": "vector_store.file.deleted", "deleted": True}
    assert owner.search(store, "soup") == []
    assert owner.http.get(f"/v1/files/{file['id']}").status_code == 200
    owner.get(f"/{store}/files/{file['id']}", 404)


def test_a_batch_counts_its_files(owner: Owner, store: str) -> None:
    batch = batch_of(owner, store, "one", "two", " ")
    assert batch["id"].startswith("vsfb_")
    assert (batch["object"], batch["status"]) == ("vector_store.files_batch", "in_progress")
    ingesting.work()
    done = owner.get(f"/{store}/file_batches/{batch['id']}")
    assert done["status"] == "completed"
    assert done["file_counts"] == {
        "in_progress": 0, "completed": 2, "failed": 1, "cancelled": 0, "total": 3,
    }  # fmt: skip
    failed = owner.get(f"/{store}/file_batches/{batch['id']}/files?filter=failed")
    assert len(failed["data"]) == 1
    assert len(owner.get(f"/{store}/file_batches/{batch['id']}/files")["data"]) == 3


def test_a_cancelled_batch_keeps_what_was_read(owner: Owner, store: str) -> None:
    done = batch_of(owner, store, "one")
    ingesting.work()
    waiting = batch_of(owner, store, "two", "three")
    cancelled = owner.post(f"/{store}/file_batches/{waiting['id']}/cancel")
    assert cancelled["status"] == "cancelled"
    assert cancelled["file_counts"]["cancelled"] == 2
    ingesting.work()
    assert owner.search(store, "two") == []
    assert owner.search(store, "one")
    assert owner.get(f"/{store}/file_batches/{done['id']}")["status"] == "completed"


def test_a_batch_gives_each_file_its_own_settings(owner: Owner, store: str) -> None:
    sizes = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}
    static = {"type": "static", "static": sizes}
    first, second = owner.file("a").id, owner.file("b").id
    owner.post(
        f"/{store}/file_batches",
        {"files": [{"file_id": first, "chunking_strategy": static}, {"file_id": second}]},
    )
    told = [owner.get(f"/{store}/files/{one}")["chunking_strategy"] for one in (first, second)]
    assert [one["static"]["max_chunk_size_tokens"] for one in told] == [100, 800]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "file_ids"),
        ({"file_ids": []}, "file_ids"),
        ({"file_ids": ["file-x"] * 2001}, "file_ids"),
        ({"files": [{"file_id": "file-x", "surprise": 1}]}, "files[0].surprise"),
    ],
)
def test_wrong_fields_of_a_batch_are_named(
    owner: Owner, store: str, body: dict[str, Any], param: str
) -> None:
    assert owner.post(f"/{store}/file_batches", body, 400)["error"]["param"] == param


@pytest.mark.parametrize(
    ("sizes", "param"),
    [
        ({"max_chunk_size_tokens": 99, "chunk_overlap_tokens": 0}, "max_chunk_size_tokens"),
        ({"max_chunk_size_tokens": 4097, "chunk_overlap_tokens": 0}, "max_chunk_size_tokens"),
        ({"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 51}, "chunk_overlap_tokens"),
    ],
)
def test_sizes_of_chunks_have_bounds(
    owner: Owner, store: str, sizes: dict[str, int], param: str
) -> None:
    body = {"file_id": "file-x", "chunking_strategy": {"type": "static", "static": sizes}}
    told = owner.post(f"/{store}/files", body, 400)
    assert told["error"]["param"] == f"chunking_strategy.static.{param}"


def test_a_stranger_finds_nothing_of_it(owner: Owner, stranger: Owner, store: str) -> None:
    batch = batch_of(owner, store, "soup")
    file_id = owner.get(f"/{store}/files")["data"][0]["id"]
    own = stranger.post("")["id"]
    for path in (
        f"/{store}", f"/{store}/files", f"/{store}/files/{file_id}", f"/{own}/files/{file_id}",
        f"/{store}/files/{file_id}/content", f"/{store}/file_batches/{batch['id']}",
        f"/{own}/file_batches/{batch['id']}", f"/{own}/file_batches/{batch['id']}/files",
    ):  # fmt: skip
        stranger.get(path, 404)
    stranger.post(f"/{store}/search", {"query": "soup"}, 404)
    stranger.post(f"/{own}/file_batches/{batch['id']}/cancel", status=404)
    stranger.post(f"/{own}/files", {"file_id": file_id}, 404)
    assert [row["id"] for row in stranger.get("")["data"]] == [own]
