"""/v1/vector_stores: what OpenAI's clients send and expect."""

from collections.abc import Mapping
from typing import Final

from django.db.models import Q, QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller_of
from api.errors import InvalidRequest
from api.pagination import MAX_LIMIT, listed, page, unknown_cursor
from api.resource import Resource
from inference.schemas.refusals import parse
from knowledge import adding, answers, schemas, stores, tasks
from knowledge.models import Status, StoreFile, VectorStore
from knowledge.search import RESULTS, Wish, search

READ, WRITE = "files:read", "files:write"
TAGS: Final = ["vector stores"]
PAGING: Final = [
    OpenApiParameter("limit", int, description=f"1 to {MAX_LIMIT}; 20."),
    OpenApiParameter("after", str, description="An id of the list: those behind it."),
    OpenApiParameter("before", str, description="An id of the list: those in front of it."),
    OpenApiParameter("order", str, enum=["asc", "desc"], description="desc: the newest first."),
]
FILTERED: Final = [*PAGING, OpenApiParameter("filter", str, enum=Status.values)]


class Stores(Resource):
    @extend_schema(
        operation_id="list_vector_stores", summary="List vector stores", tags=TAGS,
        parameters=PAGING, responses=answers.StoreList,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        organisation_id = _organisation(request, READ)
        mine = VectorStore.objects.all().for_organisation(organisation_id).kept(internal=False)
        rows, has_more = page(mine.counted(), request.query_params)
        return Response(listed([answers.store(row) for row in rows], has_more=has_more))

    @extend_schema(
        operation_id="create_vector_store", summary="Create a vector store", tags=TAGS,
        description="At most 1,000 of an organisation, each with at most 10,000 files.",
        request=schemas.StoreCreate, responses=answers.StoreObject,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        organisation_id = _organisation(request, WRITE)
        asked = parse(schemas.StoreCreate, request.data)
        store = stores.create(organisation_id, asked)
        if asked.file_ids:
            tasks.wake()
        return Response(answers.store(store))


class Store(Resource):
    @extend_schema(
        operation_id="retrieve_vector_store", summary="One vector store", tags=TAGS,
        responses=answers.StoreObject,
    )  # fmt: skip
    def get(self, request: Request, store_id: str) -> Response:
        return Response(answers.store(_store(request, store_id, READ)))

    @extend_schema(
        operation_id="update_vector_store", summary="Change a vector store", tags=TAGS,
        request=schemas.StoreUpdate, responses=answers.StoreObject,
    )  # fmt: skip
    def post(self, request: Request, store_id: str) -> Response:
        store = _store(request, store_id, WRITE)
        asked = parse(schemas.StoreUpdate, request.data)
        return Response(answers.store(stores.update(store.organisation_id, store_id, asked)))

    @extend_schema(
        operation_id="delete_vector_store", summary="Delete a vector store", tags=TAGS,
        description="The files themselves stay.", responses={200: answers.StoreDeleted},
    )  # fmt: skip
    def delete(self, request: Request, store_id: str) -> Response:
        stores.delete(_organisation(request, WRITE), store_id)
        return Response(answers.deleted("vector_store", store_id))


class Search(Resource):
    @extend_schema(
        operation_id="search_vector_store", summary="Search a vector store", tags=TAGS,
        description="Chunks that hold the question's words, the rare ones counting most; with an "
        "embedding model also those that mean the same. Scores lie between 0 and 1.",
        request=schemas.SearchAsk, responses=answers.SearchResults,
    )  # fmt: skip
    def post(self, request: Request, store_id: str) -> Response:
        store = _store(request, store_id, READ)
        asked = parse(schemas.SearchAsk, request.data)
        stores.use(store)
        wish = Wish(
            most=asked.max_num_results or RESULTS,
            least_score=asked.least_score,
            filters=asked.filters,
            weights=asked.weights,
        )
        hits = search(caller_of(request), [store.id], asked.query, wish)
        return Response(answers.results(asked.query, hits))


class Files(Resource):
    @extend_schema(
        operation_id="list_vector_store_files", summary="Files of a vector store", tags=TAGS,
        parameters=FILTERED, responses=answers.StoreFileList,
    )  # fmt: skip
    def get(self, request: Request, store_id: str) -> Response:
        return _files(request, _store(request, store_id, READ).files.all())

    @extend_schema(
        operation_id="create_vector_store_file", summary="Add a file to a vector store", tags=TAGS,
        description="It is read in the background. One that is there already is read anew.",
        request=schemas.FileAdd, responses=answers.StoreFileObject,
    )  # fmt: skip
    def post(self, request: Request, store_id: str) -> Response:
        store = _store(request, store_id, WRITE)
        asked = parse(schemas.FileAdd, request.data)
        stores.use(store)
        (added,) = adding.add(store, [asked], param="file_id")
        tasks.wake()
        return Response(answers.store_file(added))


class File(Resource):
    @extend_schema(
        operation_id="retrieve_vector_store_file", summary="One file of a vector store", tags=TAGS,
        responses=answers.StoreFileObject,
    )  # fmt: skip
    def get(self, request: Request, store_id: str, file_id: str) -> Response:
        return Response(answers.store_file(adding.find(_store(request, store_id, READ), file_id)))

    @extend_schema(
        operation_id="update_vector_store_file", summary="Change a file's attributes", tags=TAGS,
        request=schemas.FileUpdate, responses=answers.StoreFileObject,
    )  # fmt: skip
    def post(self, request: Request, store_id: str, file_id: str) -> Response:
        file = adding.find(_store(request, store_id, WRITE), file_id)
        asked = parse(schemas.FileUpdate, request.data)
        return Response(answers.store_file(adding.describe(file, asked.attributes or {})))

    @extend_schema(
        operation_id="delete_vector_store_file", summary="Take a file out of a store", tags=TAGS,
        description="The file itself stays.", responses={200: answers.StoreDeleted},
    )  # fmt: skip
    def delete(self, request: Request, store_id: str, file_id: str) -> Response:
        adding.remove(_store(request, store_id, WRITE), file_id)
        return Response(answers.deleted("vector_store.file", file_id))


class FileContent(Resource):
    @extend_schema(
        operation_id="retrieve_vector_store_file_content", summary="A file's chunks", tags=TAGS,
        description="As they are searched: neighbours overlap.", responses=answers.StoreFileContent,
    )  # fmt: skip
    def get(self, request: Request, store_id: str, file_id: str) -> Response:
        file = adding.find(_store(request, store_id, READ), file_id)
        return Response(answers.content(file.chunks.defer("words")))


class FileBatches(Resource):
    @extend_schema(
        operation_id="create_vector_store_file_batch", summary="Add many files", tags=TAGS,
        description="At most 2,000.",
        request=schemas.FileBatchCreate, responses=answers.FileBatchObject,
    )  # fmt: skip
    def post(self, request: Request, store_id: str) -> Response:
        store = _store(request, store_id, WRITE)
        asked = parse(schemas.FileBatchCreate, request.data)
        stores.use(store)
        param = "files" if asked.files else "file_ids"
        batch = adding.add_batch(store, asked.each(), param=param)
        tasks.wake()
        return Response(answers.file_batch(batch))


class FileBatch(Resource):
    @extend_schema(
        operation_id="retrieve_vector_store_file_batch", summary="One batch of files", tags=TAGS,
        responses=answers.FileBatchObject,
    )  # fmt: skip
    def get(self, request: Request, store_id: str, file_batch_id: str) -> Response:
        batch = adding.find_batch(_store(request, store_id, READ), file_batch_id)
        return Response(answers.file_batch(batch))


class FileBatchCancellation(Resource):
    @extend_schema(
        operation_id="cancel_vector_store_file_batch", summary="Cancel a batch of files", tags=TAGS,
        description="Files that were read stay.",
        request=None, responses=answers.FileBatchObject,
    )  # fmt: skip
    def post(self, request: Request, store_id: str, file_batch_id: str) -> Response:
        batch = adding.cancel_batch(_store(request, store_id, WRITE), file_batch_id)
        return Response(answers.file_batch(batch))


class FileBatchFiles(Resource):
    @extend_schema(
        operation_id="list_vector_store_file_batch_files", summary="Files of a batch", tags=TAGS,
        parameters=FILTERED, responses=answers.StoreFileList,
    )  # fmt: skip
    def get(self, request: Request, store_id: str, file_batch_id: str) -> Response:
        batch = adding.find_batch(_store(request, store_id, READ), file_batch_id)
        return _files(request, batch.files.all())


def _organisation(request: Request, scope: str) -> str:
    caller = caller_of(request)
    caller.require(scope)
    return caller.organisation_id


def _store(request: Request, store_id: str, scope: str) -> VectorStore:
    return stores.find(_organisation(request, scope), store_id)


def _files(request: Request, files: QuerySet[StoreFile]) -> Response:
    status = request.query_params.get("filter")
    if status is not None and status not in Status.values:
        known = ", ".join(Status.values)
        raise InvalidRequest(f"'filter' is one of {known}.", param="filter")
    cursors = _cursors(request.query_params, files)
    if status is not None:  # what a cursor names may have gone on to another status meanwhile
        files = files.filter(Q(status=status) | Q(pk__in=cursors.values()))
    rows, has_more = page(files, {**request.query_params.dict(), **cursors})
    return Response(listed([answers.store_file(row) for row in rows], has_more=has_more))


def _cursors(query: Mapping[str, str], files: QuerySet[StoreFile]) -> dict[str, str]:
    """`after` and `before` are ids of files, which name a row only within their store."""
    found = {}
    for name in {"after", "before"} & set(query):
        row = files.filter(file_id=query[name]).first()
        if row is None:
            raise unknown_cursor(name)
        found[name] = str(row.pk)
    return found
