"""/v1/chat/completions: the stored ones are listed, read, labelled and deleted."""

import re
from typing import Any, Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from pydantic import BaseModel
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller_of, has_scope
from api.pagination import LIMIT_SCHEMA, cut, listed, page
from api.resource import Resource
from inference.models import StoredCompletion
from inference.schemas.refusals import parse
from inference.stored_completions import completions, schemas

PAGING: Final = [
    OpenApiParameter("limit", LIMIT_SCHEMA),
    OpenApiParameter("after", str, description="An id of the list: those behind it."),
    OpenApiParameter("before", str, description="An id of the list: those in front of it."),
    OpenApiParameter("order", str, enum=["asc", "desc"], description="asc: the oldest first."),
]
MODEL: Final = OpenApiParameter("model", str, description="Only those of this model.")
METADATA: Final = OpenApiParameter(
    "metadata",
    {"type": "object", "additionalProperties": {"type": "string"}},
    style="deepObject",
    description="Only those with this label: `metadata[key]=value`.",
)


def described(schema: type[BaseModel]) -> dict[str, str]:
    """A shape that the generating routes' description has; it is the same there and here."""
    return {"$ref": f"#/components/schemas/{schema.__name__}"}


class _StoredView(Resource):
    permission_classes = [has_scope("inference")]


class StoredCompletions(_StoredView):
    @property
    def default_response_headers(self) -> dict[str, str]:
        allowed = ", ".join((*self.allowed_methods, "POST"))  # which creates one, at the gateway
        return {**super().default_response_headers, "Allow": allowed}

    @extend_schema(
        operation_id="list_chat_completions",
        summary="The stored chat completions",
        description="Those that were asked for with `store: true`, for 30 days.",
        tags=["generation"],
        parameters=[*PAGING, MODEL, METADATA],
        responses={200: described(schemas.StoredChatCompletionList)},
    )
    def get(self, request: Request) -> Response:
        query = request.query_params.dict()
        found = completions.of(
            caller_of(request).organisation_id,
            model=query.get("model"),
            metadata={
                key[1]: value
                for name, value in query.items()
                if (key := re.fullmatch(r"metadata\[(.+)\]", name))
            },
        )
        rows, has_more = page(found, _oldest_first(query))
        return Response(listed([schemas.shown(row) for row in rows], has_more=has_more))


class SingleStoredCompletion(_StoredView):
    @extend_schema(
        operation_id="retrieve_chat_completion",
        summary="One stored chat completion",
        tags=["generation"],
        responses={200: described(schemas.StoredChatCompletion)},
    )
    def get(self, request: Request, completion_id: str) -> Response:
        return Response(schemas.shown(_find(request, completion_id)))

    @extend_schema(
        operation_id="update_chat_completion",
        summary="Replace a stored chat completion's metadata",
        tags=["generation"],
        request={"application/json": described(schemas.StoredChatCompletionUpdate)},
        responses={200: described(schemas.StoredChatCompletion)},
    )
    def post(self, request: Request, completion_id: str) -> Response:
        _find(request, completion_id)  # a stranger's is unknown, whatever the body says
        asked = parse(schemas.StoredChatCompletionUpdate, request.data)
        organisation_id = caller_of(request).organisation_id
        completions.label(organisation_id, completion_id, asked.metadata or {})
        return Response(schemas.shown(_find(request, completion_id)))

    @extend_schema(
        operation_id="delete_chat_completion",
        summary="Delete a stored chat completion",
        tags=["generation"],
        responses={200: described(schemas.DeletedChatCompletion)},
    )
    def delete(self, request: Request, completion_id: str) -> Response:
        completions.delete(caller_of(request).organisation_id, completion_id)
        gone = {"id": completion_id, "object": "chat.completion.deleted", "deleted": True}
        return Response(gone)


class StoredMessages(_StoredView):
    @extend_schema(
        operation_id="list_chat_completion_messages",
        summary="The messages that a stored chat completion answered",
        tags=["generation"],
        parameters=PAGING,
        responses={200: described(schemas.StoredMessageList)},
    )
    def get(self, request: Request, completion_id: str) -> Response:
        messages = completions.messages(_find(request, completion_id))
        rows, has_more = cut(messages, _oldest_first(request.query_params.dict()))
        return Response(listed(rows, has_more=has_more))


def _find(request: Request, completion_id: str) -> StoredCompletion:
    return completions.find(caller_of(request).organisation_id, completion_id)


def _oldest_first(query: dict[str, Any]) -> dict[str, Any]:
    """OpenAI's default for these lists."""
    return {"order": "asc", **query}
