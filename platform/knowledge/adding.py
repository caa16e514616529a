"""Files into stores, one by one or as a batch; what becomes of them there."""

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone
from django.utils.translation import gettext as _

from api.errors import InvalidRequest, NotFound, StorageQuotaExceeded
from api.numbers import written
from files.models import StoredFile
from knowledge.filters import Value
from knowledge.models import Chunk, FileBatch, Status, StoreFile, VectorStore
from knowledge.schemas import AUTO, FileAdd

MOST_FILES: Final = 10_000  # of a store


def add(
    store: VectorStore, files: Sequence[FileAdd], *, param: str, batch: FileBatch | None = None
) -> list[StoreFile]:
    """A file that is there already is read anew. Raises NotFound, InvalidRequest,
    StorageQuotaExceeded; then none is added."""
    wanted = {one.file_id: one for one in files}
    _require_mine(store.organisation_id, wanted.keys(), param)
    require_room(store.organisation_id)
    with transaction.atomic():
        VectorStore.objects.select_for_update(no_key=True).get(pk=store.pk)
        StoreFile.objects.filter(store=store, file_id__in=wanted).delete()
        _require_place(store, len(wanted))
        return StoreFile.objects.bulk_create(_row(store, one, batch) for one in wanted.values())


def add_batch(store: VectorStore, files: Sequence[FileAdd], *, param: str) -> FileBatch:
    """Raises as `add`."""
    with transaction.atomic():
        batch = FileBatch.objects.create(organisation_id=store.organisation_id, store=store)
        add(store, files, param=param, batch=batch)
    return find_batch(store, batch.id)


def find_batch(store: VectorStore, batch_id: str) -> FileBatch:
    """With its files counted. Raises NotFound."""
    found: FileBatch | None = store.batches.all().counted().filter(pk=batch_id).first()
    if found is None:
        begin = f"Begin one with POST /v1/vector_stores/{store.id}/file_batches."
        raise NotFound("This vector store has no such file batch.", hint=begin)
    return found


def cancel_batch(store: VectorStore, batch_id: str) -> FileBatch:
    """Files that were read stay; one that is being read is dropped. Raises NotFound."""
    batch = find_batch(store, batch_id)
    with transaction.atomic():
        FileBatch.objects.filter(pk=batch.pk, cancelled_at=None).update(cancelled_at=timezone.now())
        ended = {"status": Status.CANCELLED, "holder": "", "lease_until": None, "usage_bytes": 0}
        batch.files.in_progress().update(**ended)
        Chunk.objects.filter(store_file__batch=batch, store_file__status=Status.CANCELLED).delete()
    return find_batch(store, batch_id)


def find(store: VectorStore, file_id: str) -> StoreFile:
    """Raises NotFound."""
    found: StoreFile | None = store.files.filter(file_id=file_id).first()
    if found is None:
        raise _unknown(store)
    return found


def describe(file: StoreFile, attributes: Mapping[str, Value]) -> StoreFile:
    """Replace the attributes."""
    file.attributes = dict(attributes)
    file.save(update_fields=["attributes"])
    return file


def remove(store: VectorStore, file_id: str) -> None:
    """From the store; the file itself stays. Raises NotFound."""
    gone, _ = store.files.filter(file_id=file_id).delete()
    if not gone:
        raise _unknown(store)


def _unknown(store: VectorStore) -> NotFound:
    files = f"List its files with GET /v1/vector_stores/{store.id}/files."
    return NotFound("This vector store has no such file.", hint=files)


def require_room(organisation_id: str) -> None:
    """Raises StorageQuotaExceeded when the organisation's chunks take all that they may."""
    files = StoreFile.objects.all().for_organisation(organisation_id)
    used = files.aggregate(used=Sum("usage_bytes", default=0))["used"]
    if used >= settings.KNOWLEDGE_QUOTA_BYTES:
        said = _(
            "The texts in your vector stores take %(used)s bytes of %(allowed)s. "
            "Remove files from them first."
        )
        sizes = {"used": written(used), "allowed": written(settings.KNOWLEDGE_QUOTA_BYTES)}
        raise StorageQuotaExceeded(said % sizes)


def _row(store: VectorStore, asked: FileAdd, batch: FileBatch | None) -> StoreFile:
    sizes = asked.chunking_strategy.sizes if asked.chunking_strategy else AUTO
    return StoreFile(
        organisation_id=store.organisation_id,
        store=store,
        file_id=asked.file_id,
        batch=batch,
        attributes=asked.attributes or {},
        largest_chunk=sizes.max_chunk_size_tokens,
        overlap=sizes.chunk_overlap_tokens,
    )


def _require_mine(organisation_id: str, file_ids: Collection[str], param: str) -> None:
    mine = StoredFile.objects.all().for_organisation(organisation_id)
    known = set(mine.filter(pk__in=file_ids).values_list("pk", flat=True))
    if missing := next((file_id for file_id in file_ids if file_id not in known), None):
        raise NotFound(
            f"No file has the id '{missing}', or it is not yours.",
            param=param,
            hint="List yours with GET /v1/files.",
        )


def _require_place(store: VectorStore, new: int) -> None:
    if store.files.count() + new > MOST_FILES:
        raise InvalidRequest(
            _("A vector store has at most %(most)s files. Make another store.")
            % {"most": written(MOST_FILES)},
        )
