"""/v1/responses/{id}: DELETE, and /v1/responses/{id}/input_items."""

from typing import Literal

from drf_spectacular.utils import extend_schema
from pydantic import BaseModel
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller_of, has_scope
from api import pagination
from api.resource import Resource
from inference.conversations.schemas import ItemList
from inference.conversations.views import INCLUDE, PAGING
from inference.responses import keeping


class DeletedResponse(BaseModel):
    id: str
    object: Literal["response"]
    deleted: bool


class KeptResponse(Resource):
    permission_classes = [has_scope("inference")]

    @extend_schema(
        operation_id="delete_response",
        summary="Delete a response",
        description="Those that go on from it lose what came before.",
        tags=["generation"],
        responses={200: DeletedResponse},
    )
    def delete(self, request: Request, response_id: str) -> Response:
        keeping.delete(caller_of(request).organisation_id, response_id)
        return Response({"id": response_id, "object": "response", "deleted": True})


class InputItems(Resource):
    permission_classes = [has_scope("inference")]

    @extend_schema(
        operation_id="list_input_items",
        summary="The items that a response was asked with",
        description="Its own: those of earlier responses stand with these, or in the conversation.",
        tags=["generation"],
        parameters=[*PAGING, INCLUDE],
        responses=ItemList,
    )
    def get(self, request: Request, response_id: str) -> Response:
        found = keeping.find(caller_of(request).organisation_id, response_id)
        items, has_more = pagination.cut(found.input, request.query_params)
        return Response(pagination.listed(items, has_more=has_more))
