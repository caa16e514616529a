"""Vector stores as resources: made, found, changed, deleted, expired."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from accounts.models import Organisation
from api.errors import InvalidRequest, NotFound
from knowledge import adding
from knowledge.models import StoreFile, VectorStore
from knowledge.schemas import FileAdd, StoreCreate, StoreExpiry, StoreUpdate

MOST_STORES: Final = 1000  # of an organisation


def create(organisation_id: str, asked: StoreCreate) -> VectorStore:
    """Raises NotFound (a file), InvalidRequest, StorageQuotaExceeded."""
    with transaction.atomic():
        _require_room(organisation_id)
        store: VectorStore = VectorStore.objects.create(
            organisation_id=organisation_id,
            name=asked.name or "",
            description=asked.description or "",
            metadata=asked.metadata or {},
        )
        if asked.expires_after:
            _set_expiry(store, asked.expires_after)
        files = [
            FileAdd(file_id=file_id, chunking_strategy=asked.chunking_strategy)
            for file_id in asked.file_ids or ()
        ]
        if files:
            adding.add(store, files, param="file_ids")
    return find(organisation_id, store.id)


def find(organisation_id: str, store_id: str) -> VectorStore:
    """With its files counted. Raises NotFound."""
    mine = VectorStore.objects.all().for_organisation(organisation_id).counted()
    found: VectorStore | None = mine.filter(pk=store_id).first()
    if found is None:
        raise NotFound("No such vector store, or it is not yours.")
    return found


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


def delete(organisation_id: str, store_id: str) -> None:
    """With its chunks; the files themselves stay. Raises NotFound."""
    mine = VectorStore.objects.all().for_organisation(organisation_id)
    gone, _ = mine.filter(pk=store_id).delete()
    if not gone:
        raise NotFound("No such vector store, or it is not yours.")


def expire() -> int:
    """Empty the stores that have expired; how many files went."""
    gone, _ = StoreFile.objects.filter(store__in=VectorStore.objects.all().expired()).delete()
    return gone


def _set_expiry(store: VectorStore, after: StoreExpiry | None) -> None:
    store.expires_after_days = after.days if after else None
    store.expires_at = timezone.now() + timedelta(days=after.days) if after else None
    store.save(update_fields=["expires_after_days", "expires_at"])


def _require_room(organisation_id: str) -> None:
    """Two calls at once wait for each other here, so that neither passes the limit."""
    Organisation.objects.select_for_update(no_key=True).get(pk=organisation_id)
    if VectorStore.objects.all().for_organisation(organisation_id).count() >= MOST_STORES:
        raise InvalidRequest(
            f"An organisation has at most {MOST_STORES:,} vector stores. Delete one first.",
        )
