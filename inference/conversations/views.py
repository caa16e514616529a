"""/v1/conversations: create, retrieve, update, delete; and their items."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller_of, has_scope
from api import pagination
from api.resource import Resource
from inference.conversations import keeping, schemas
from inference.conversations.paging import page_of
from inference.schemas.refusals import parse

PAGING: Final = [
    OpenApiParameter("limit", pagination.LIMIT_SCHEMA),
    OpenApiParameter("after", str, description="The id of an item: those behind it."),
    OpenApiParameter("before", str, description="The id of an item: those in front of it."),
    OpenApiParameter("order", str, enum=["asc", "desc"], description="desc: the newest first."),
]
INCLUDE: Final = OpenApiParameter(
    "include", str, many=True, description="Accepted; items are always complete."
)


class _ConversationsView(Resource):
    permission_classes = [has_scope("inference")]


class Conversations(_ConversationsView):
    @extend_schema(
        operation_id="create_conversation",
        summary="Make a conversation",
        description=f"With up to {schemas.MOST_AT_ONCE} items, if you like.",
        tags=["generation"],
        request={"application/json": schemas.described(schemas.ConversationCreate)},
        responses=schemas.ConversationObject,
    )
    def post(self, request: Request) -> Response:
        asked = parse(schemas.ConversationCreate, request.data)
        items = schemas.as_stored(asked.items)
        organisation_id = caller_of(request).organisation_id
        return _shown(keeping.create(organisation_id, asked.metadata or {}, items))


class SingleConversation(_ConversationsView):
    @extend_schema(
        operation_id="retrieve_conversation",
        summary="One conversation",
        tags=["generation"],
        responses=schemas.ConversationObject,
    )
    def get(self, request: Request, conversation_id: str) -> Response:
        return _shown(keeping.find(caller_of(request).organisation_id, conversation_id))

    @extend_schema(
        operation_id="update_conversation",
        summary="Replace a conversation's metadata",
        tags=["generation"],
        request={"application/json": schemas.described(schemas.ConversationUpdate)},
        responses=schemas.ConversationObject,
    )
    def post(self, request: Request, conversation_id: str) -> Response:
        organisation_id = caller_of(request).organisation_id
        keeping.find(organisation_id, conversation_id)
        metadata = parse(schemas.ConversationUpdate, request.data).metadata or {}
        return _shown(keeping.describe(organisation_id, conversation_id, metadata))

    @extend_schema(
        operation_id="delete_conversation",
        summary="Delete a conversation and its items",
        description="Responses that used it can still be read.",
        tags=["generation"],
        responses={200: schemas.DeletedConversation},
    )
    def delete(self, request: Request, conversation_id: str) -> Response:
        keeping.delete(caller_of(request).organisation_id, conversation_id)
        gone = {"id": conversation_id, "object": "conversation.deleted", "deleted": True}
        return Response(gone)


class Items(_ConversationsView):
    @extend_schema(
        operation_id="list_conversation_items",
        summary="The items of a conversation",
        tags=["generation"],
        parameters=[*PAGING, INCLUDE],
        responses=schemas.ItemList,
    )
    def get(self, request: Request, conversation_id: str) -> Response:
        found = keeping.find(caller_of(request).organisation_id, conversation_id)
        return Response(page_of(found, request.query_params))

    @extend_schema(
        operation_id="create_conversation_items",
        summary="Append items to a conversation",
        description=f"Up to {schemas.MOST_AT_ONCE} at once, in this order.",
        tags=["generation"],
        parameters=[INCLUDE],
        request={"application/json": schemas.described(schemas.ItemsCreate)},
        responses=schemas.ItemList,
    )
    def post(self, request: Request, conversation_id: str) -> Response:
        organisation_id = caller_of(request).organisation_id
        keeping.find(organisation_id, conversation_id)
        items = schemas.as_stored(parse(schemas.ItemsCreate, request.data).items)
        keeping.add(organisation_id, conversation_id, items)
        return Response(pagination.listed(items, has_more=False))


class SingleItem(_ConversationsView):
    @extend_schema(
        operation_id="retrieve_conversation_item",
        summary="One item of a conversation",
        tags=["generation"],
        parameters=[INCLUDE],
        responses={200: schemas.ConversationItem},
    )
    def get(self, request: Request, conversation_id: str, item_id: str) -> Response:
        organisation_id = caller_of(request).organisation_id
        return Response(keeping.find_item(organisation_id, conversation_id, item_id).data)

    @extend_schema(
        operation_id="delete_conversation_item",
        summary="Take an item out of a conversation",
        tags=["generation"],
        responses={200: schemas.ConversationObject},
    )
    def delete(self, request: Request, conversation_id: str, item_id: str) -> Response:
        organisation_id = caller_of(request).organisation_id
        return _shown(keeping.delete_item(organisation_id, conversation_id, item_id))


def _shown(conversation: Any) -> Response:
    return Response(schemas.shown(conversation))
