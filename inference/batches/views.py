"""/v1/batches: create, list, retrieve, cancel."""

from typing import Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller_of, has_scope
from api.pagination import MAX_LIMIT, listed, page
from api.resource import Resource
from inference.batches import creating, schemas, tasks
from inference.batches.models import Batch
from inference.schemas.refusals import parse

PAGING: Final = [
    OpenApiParameter("limit", int, description=f"1 to {MAX_LIMIT}; 20."),
    OpenApiParameter("after", str, description="An id of the list: those behind it."),
    OpenApiParameter("before", str, description="An id of the list: those in front of it."),
    OpenApiParameter("order", str, enum=["asc", "desc"], description="desc: the newest first."),
]


class _BatchesView(Resource):
    permission_classes = [has_scope("inference")]


class Batches(_BatchesView):
    @extend_schema(
        operation_id="list_batches",
        summary="List batches",
        tags=["batches"],
        parameters=PAGING,
        responses=schemas.BatchList,
    )
    def get(self, request: Request) -> Response:
        mine = Batch.objects.all().for_organisation(caller_of(request).organisation_id)
        rows, has_more = page(mine, request.query_params)
        return Response(listed([schemas.shown(row) for row in rows], has_more=has_more))

    @extend_schema(
        operation_id="create_batch",
        summary="Answer a file of requests within a day",
        description="At most 50,000 lines and 200 MB, paid by the price tier `batch`, which is "
        "half of the standard price where none is set. Lines do not count for the key's minute.",
        tags=["batches"],
        request=schemas.BatchCreate,
        responses=schemas.BatchObject,
    )
    def post(self, request: Request) -> Response:
        asked = parse(schemas.BatchCreate, request.data)
        batch = creating.create(caller_of(request), asked)
        tasks.wake()
        return Response(schemas.shown(batch))


class SingleBatch(_BatchesView):
    @extend_schema(
        operation_id="retrieve_batch",
        summary="One batch, and how far it is",
        tags=["batches"],
        responses=schemas.BatchObject,
    )
    def get(self, request: Request, batch_id: str) -> Response:
        batch = creating.find(caller_of(request).organisation_id, batch_id)
        return Response(schemas.shown(batch))


class BatchCancellation(_BatchesView):
    @extend_schema(
        operation_id="cancel_batch",
        summary="Cancel a batch",
        description="It stops within seconds; what was answered is charged, and in its files.",
        tags=["batches"],
        request=None,
        responses=schemas.BatchObject,
    )
    def post(self, request: Request, batch_id: str) -> Response:
        batch = creating.cancel(caller_of(request).organisation_id, batch_id)
        tasks.wake()
        return Response(schemas.shown(batch))
