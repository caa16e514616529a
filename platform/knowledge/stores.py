"""Vector stores as resources: made, found, changed, deleted, expired."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.models import Organisation
from api.errors import InvalidRequest, NotFound
from inference.schemas.refusals import parse
from knowledge import adding
from knowledge.models import StoreFile, VectorStore
from knowledge.schemas import FileAdd, StoreCreate, StoreExpiry, StoreUpdate

MOST_STORES: Final = 1000  # of an organisation, and as many internal ones


def create(
    organisation_id: str,
    asked: StoreCreate | None = None,
    *,
    name: str = "",
    internal: bool = False,
) -> VectorStore:
    """As a caller asked, or `internal`: with a name, for an app that hides it from the API.

    Raises NotFound (a file), InvalidRequest, StorageQuotaExceeded.
    """
    asked = asked or StoreCreate(name=name)
    with transaction.atomic():
        _require_room(organisation_id, internal=internal)
        store: VectorStore = VectorStore.objects.create(
            organisation_id=organisation_id,
            name=asked.name or "",
            description=asked.description or "",
            metadata=asked.metadata or {},
            internal=internal,
        )
        if asked.expires_after:
            _set_expiry(store, asked.expires_after)
        files = [
            FileAdd(file_id=file_id, chunking_strategy=asked.chunking_strategy)
            for file_id in asked.file_ids or ()
        ]
        if files:
            adding.add(store, files, param="file_ids")
    return find(organisation_id, store.id, internal=internal)


def find(organisation_id: str, store_id: str, *, internal: bool = False) -> VectorStore:
    """With its files counted; `internal` finds those of apps, and only those. Raises NotFound."""
    mine = VectorStore.objects.all().for_organisation(organisation_id).kept(internal=internal)
    found: VectorStore | None = mine.counted().filter(pk=store_id).first()
    if found is None:
        raise _unknown()
    return found


def add_file(organisation_id: str, store_id: str, file_id: str) -> StoreFile:
    """To an internal store; `tasks.wake()` has it read at once. Raises as `adding.add`."""
    store = find(organisation_id, store_id, internal=True)
    (added,) = adding.add(store, [parse(FileAdd, {"file_id": file_id})], param="file_id")
    return added


def remove_file(organisation_id: str, store_id: str, file_id: str) -> None:
    """From an internal store; the file itself stays. Raises NotFound."""
    adding.remove(find(organisation_id, store_id, internal=True), file_id)


def files(organisation_id: str, store_id: str) -> QuerySet[StoreFile]:
    """Of an internal store, the newest first, each with its `file`. Raises NotFound."""
    store = find(organisation_id, store_id, internal=True)
    kept: QuerySet[StoreFile] = store.files.select_related("file").order_by("-created_at", "-pk")
    return kept


def use(store: VectorStore) -> None:
    """What expires does so that many days from here. Raises InvalidRequest: it has expired."""
    if store.is_over:
        raise InvalidRequest(
            "This vector store has expired, and its files are gone from it. Create another one.",
            param="vector_store_id",
        )
    store.stay()


def update(organisation_id: str, store_id: str, asked: StoreUpdate) -> VectorStore:
    """What is left out stays; null empties. Raises NotFound."""
    store = find(organisation_id, store_id)
    if "name" in asked.model_fields_set:
        store.name = asked.name or ""
    if "metadata" in asked.model_fields_set:
        store.metadata = asked.metadata or {}
    store.save(update_fields=["name", "metadata"])
    if "expires_after" in asked.model_fields_set:
        _set_expiry(store, asked.expires_after)
    return find(organisation_id, store_id)


def delete(organisation_id: str, store_id: str, *, internal: bool = False) -> None:
    """With its chunks; the files themselves stay. Raises NotFound."""
    mine = VectorStore.objects.all().for_organisation(organisation_id).kept(internal=internal)
    gone, _ = mine.filter(pk=store_id).delete()
    if not gone:
        raise _unknown()


def _unknown() -> NotFound:
    return NotFound(
        "No such vector store, or it is not yours.", hint="List yours with GET /v1/vector_stores."
    )


def expire() -> int:
    """Empty the stores that have expired; how many files went."""
    gone, _ = StoreFile.objects.filter(store__in=VectorStore.objects.all().expired()).delete()
    return gone


def _set_expiry(store: VectorStore, after: StoreExpiry | None) -> None:
    store.expires_after_days = after.days if after else None
    store.expires_at = timezone.now() + timedelta(days=after.days) if after else None
    store.save(update_fields=["expires_after_days", "expires_at"])


def _require_room(organisation_id: str, *, internal: bool) -> None:
    """Two calls at once wait for each other here, so that neither passes the limit."""
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)
    mine = VectorStore.objects.all().for_organisation(organisation_id).kept(internal=internal)
    if mine.count() >= MOST_STORES:
        raise InvalidRequest(
            f"An organisation has at most {MOST_STORES:,} vector stores. Delete one first.",
        )
