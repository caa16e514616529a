"""Stores that our own apps keep: hidden from the API, filled by verbs, read as passages."""

import pytest
from asgiref.sync import sync_to_async

from api.errors import NotFound
from inference.schemas.refusals import parse
from knowledge import ingesting, search, stores
from knowledge.schemas import StoreCreate
from tests.knowledge.conftest import Owner


@pytest.fixture
def kept(owner: Owner) -> str:
    return stores.create(owner.organisation.id, name="Bot's", internal=True).id


def fill(owner: Owner, store: str, *contents: str) -> list[str]:
    ids = [owner.file(content).id for content in contents]
    for file_id in ids:
        stores.add_file(owner.organisation.id, store, file_id)
    ingesting.work()
    return ids


def test_the_api_knows_no_internal_store(owner: Owner, kept: str) -> None:
    assert owner.get("")["data"] == []
    fill(owner, kept, "soup")
    for path in (f"/{kept}", f"/{kept}/files", f"/{kept}/files/file-1"):
        owner.get(path, 404)
    owner.post(f"/{kept}/search", {"query": "soup"}, 404)
    owner.post(f"/{kept}/files", {"file_id": "file-1"}, 404)
    assert owner.http.delete(f"/v1/vector_stores/{kept}").status_code == 404
    assert stores.find(owner.organisation.id, kept, internal=True).name == "Bot's"


def test_its_files_are_listed_with_their_status_and_removed(owner: Owner, kept: str) -> None:
    first, second = fill(owner, kept, "soup", "bread")
    listed = list(stores.files(owner.organisation.id, kept))
    assert [(row.file_id, row.status) for row in listed] == [
        (second, "completed"), (first, "completed"),
    ]  # fmt: skip
    assert listed[0].file.filename == "notes.txt"
    stores.remove_file(owner.organisation.id, kept, first)
    assert [row.file_id for row in stores.files(owner.organisation.id, kept)] == [second]
    stores.delete(owner.organisation.id, kept, internal=True)
    with pytest.raises(NotFound):
        stores.files(owner.organisation.id, kept)


def test_a_store_of_the_api_is_no_internal_one(owner: Owner) -> None:
    mine = stores.create(owner.organisation.id, parse(StoreCreate, {"name": "Mine"})).id
    with pytest.raises(NotFound):
        stores.add_file(owner.organisation.id, mine, owner.file("soup").id)
    with pytest.raises(NotFound):
        stores.delete(owner.organisation.id, mine, internal=True)


def test_strangers_cannot_fill_it(owner: Owner, stranger: Owner, kept: str) -> None:
    with pytest.raises(NotFound):
        stores.add_file(stranger.organisation.id, kept, stranger.file("soup").id)
    with pytest.raises(NotFound):
        stores.add_file(owner.organisation.id, kept, stranger.file("soup").id)


async def test_passages_are_cited(async_db: None, owner: Owner, stranger: Owner) -> None:
    def fill_two() -> tuple[str, str]:
        store = stores.create(owner.organisation.id, name="Bot's", internal=True).id
        (soup, _bread) = fill(owner, store, "The soup is hot.", "The bread is cold.")
        return store, soup

    store, soup = await sync_to_async(fill_two)()
    (hit,) = await search.passages(owner.organisation.id, [store], "Is the soup hot?", 5)
    assert (hit.text, hit.file_id, hit.filename, hit.page) == (
        "The soup is hot.", soup, "notes.txt", None,
    )  # fmt: skip
    assert 0 < hit.score <= 1
    assert hit.chunk_id
    assert await search.passages(stranger.organisation.id, [store], "soup", 5) == []
