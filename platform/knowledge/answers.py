"""What the routes of vector stores answer: OpenAI's shapes; what is ours besides says so."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from knowledge.models import Chunk, FileBatch, Status, StoreFile, VectorStore
from knowledge.search import Hit

FileStatus = Literal["in_progress", "completed", "cancelled", "failed"]
Attributes = dict[str, str | float | bool]


class StoreFileCounts(BaseModel):
    in_progress: int
    completed: int
    failed: int
    cancelled: int
    total: int


class StoreExpiryShown(BaseModel):
    anchor: Literal["last_active_at"]
    days: int


class StoreObject(BaseModel):
    id: str
    object: Literal["vector_store"]
    created_at: int
    name: str
    description: str | None
    usage_bytes: int
    file_counts: StoreFileCounts
    status: Literal["expired", "in_progress", "completed"]
    expires_after: StoreExpiryShown | None
    expires_at: int | None
    last_active_at: int | None
    metadata: dict[str, str]


class StoreFileError(BaseModel):
    code: Literal["server_error", "unsupported_file", "invalid_file"]
    message: str


class SizesUsed(BaseModel):
    max_chunk_size_tokens: int
    chunk_overlap_tokens: int


class ChunkingUsed(BaseModel):
    type: Literal["static"]
    static: SizesUsed


class StoreFileProgress(BaseModel):
    """What `done` of `of` counts: pages, characters or chunks."""

    stage: Literal["queued", "reading", "cutting", "embedding"]
    done: int
    of: int | None


class StoreFileObject(BaseModel):
    id: str = Field(description="That of the file.")
    object: Literal["vector_store.file"]
    usage_bytes: int
    created_at: int
    vector_store_id: str
    status: FileStatus
    last_error: StoreFileError | None
    chunking_strategy: ChunkingUsed
    attributes: Attributes
    progress: StoreFileProgress | None = Field(description="While in progress: an extension.")


class FileBatchObject(BaseModel):
    id: str
    object: Literal["vector_store.files_batch"]
    created_at: int
    vector_store_id: str
    status: FileStatus
    file_counts: StoreFileCounts


class PlacedText(BaseModel):
    type: Literal["text"]
    text: str
    place: int = Field(description="Of the chunk in its file, from 0: an extension.")
    page: int | None = Field(description="From 1, where a file has pages: an extension.")


class StoreFileContent(BaseModel):
    object: Literal["vector_store.file_content.page"]
    data: list[PlacedText]
    has_more: bool
    next_page: str | None


class SearchResult(BaseModel):
    file_id: str
    filename: str
    score: float = Field(description="From 0 to 1.")
    attributes: Attributes
    content: list[PlacedText]


class SearchResults(BaseModel):
    object: Literal["vector_store.search_results.page"]
    search_query: list[str]
    data: list[SearchResult]
    has_more: bool
    next_page: str | None


class StoreDeleted(BaseModel):
    id: str
    object: str
    deleted: bool


class _List(BaseModel):
    object: Literal["list"]
    has_more: bool
    first_id: str | None
    last_id: str | None


class StoreList(_List):
    data: list[StoreObject]


class StoreFileList(_List):
    data: list[StoreFileObject]


def store(row: VectorStore) -> dict[str, Any]:
    days = row.expires_after_days
    return {
        "id": row.id,
        "object": "vector_store",
        "created_at": _epoch(row.created_at),
        "name": row.name,
        "description": row.description or None,
        "usage_bytes": row.usage_bytes,
        "file_counts": _counts(row),
        "status": _store_status(row),
        "expires_after": None if days is None else {"anchor": "last_active_at", "days": days},
        "expires_at": None if row.expires_at is None else _epoch(row.expires_at),
        "last_active_at": _epoch(row.last_active_at),
        "metadata": row.metadata,
    }


def store_file(row: StoreFile) -> dict[str, Any]:
    return {
        "id": row.file_id,
        "object": "vector_store.file",
        "usage_bytes": row.usage_bytes,
        "created_at": _epoch(row.created_at),
        "vector_store_id": row.store_id,
        "status": row.status,
        "last_error": {"code": row.error_code, "message": row.error_message}
        if row.error_code
        else None,
        "chunking_strategy": {
            "type": "static",
            "static": {
                "max_chunk_size_tokens": row.largest_chunk,
                "chunk_overlap_tokens": row.overlap,
            },
        },
        "attributes": row.attributes,
        "progress": _progress(row),
    }


def file_batch(row: FileBatch) -> dict[str, Any]:
    return {
        "id": row.id,
        "object": "vector_store.files_batch",
        "created_at": _epoch(row.created_at),
        "vector_store_id": row.store_id,
        "status": _batch_status(row),
        "file_counts": _counts(row),
    }


def content(chunks: Iterable[Chunk]) -> dict[str, Any]:
    data = [_text(chunk.text, chunk.place, chunk.page) for chunk in chunks]
    return _page("vector_store.file_content.page", data)


def results(queries: Sequence[str], hits: Sequence[Hit]) -> dict[str, Any]:
    data = [
        {
            "file_id": hit.file_id,
            "filename": hit.filename,
            "score": round(hit.score, 6),
            "attributes": hit.attributes,
            "content": [_text(hit.text, hit.place, hit.page)],
        }
        for hit in hits
    ]
    return {**_page("vector_store.search_results.page", data), "search_query": queries}


def deleted(kind: str, name: str) -> dict[str, Any]:
    return {"id": name, "object": f"{kind}.deleted", "deleted": True}


def _text(text: str, place: int, page: int | None) -> dict[str, Any]:
    return {"type": "text", "text": text, "place": place, "page": page}


def _page(kind: str, data: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"object": kind, "data": data, "has_more": False, "next_page": None}


def _progress(row: StoreFile) -> dict[str, Any] | None:
    if row.status != Status.IN_PROGRESS:
        return None
    return {"stage": "queued" if row.is_queued else row.stage, "done": row.done, "of": row.of}


def _counts(row: VectorStore | FileBatch) -> dict[str, int]:
    """Of a row that `counted()` found."""
    return {name: getattr(row, name) for name in (*Status.values, "total")}


def _store_status(row: VectorStore) -> str:
    if row.is_over:
        return "expired"
    return Status.IN_PROGRESS if _counts(row)["in_progress"] else Status.COMPLETED


def _batch_status(row: FileBatch) -> str:
    counts = _counts(row)
    if row.cancelled_at is not None:
        return Status.CANCELLED
    if counts["in_progress"]:
        return Status.IN_PROGRESS
    return Status.FAILED if counts["failed"] == counts["total"] > 0 else Status.COMPLETED


def _epoch(moment: datetime) -> int:
    return int(moment.timestamp())
