"""/v1/chatbots/{name}/conversations and visitors: read, searched, rated, exported, deleted."""

from typing import Final

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.pagination import listed, page
from api.resource import Resource
from chatbots import answers, transcripts
from chatbots.models import Message
from chatbots.schemas import resources
from chatbots.views.base import PAGING, READ, TAGS, WRITE, author_of, chatbot_of
from inference.schemas.refusals import parse

FILTERED: Final = [
    *PAGING,
    OpenApiParameter("q", str, description="Words that a message has."),
    OpenApiParameter("visitor", str),
    OpenApiParameter("origin", str),
    OpenApiParameter("feedback", str, enum=Message.Feedback.values),
    OpenApiParameter("status", str, enum=Message.Status.values),
    OpenApiParameter("flagged", bool),
    OpenApiParameter("preview", bool),
    OpenApiParameter("days", int, description="With a message in the last so many days."),
    OpenApiParameter("least_cost", str, description="Dollars, as 0.002: what cost so much."),
]


class Conversations(Resource):
    @extend_schema(
        operation_id="list_chatbot_conversations", summary="Its conversations, filtered, searched",
        tags=TAGS, parameters=FILTERED, responses=resources.ChatList,
    )  # fmt: skip
    def get(self, request: Request, chatbot: str) -> Response:
        row = chatbot_of(request, chatbot, READ)
        query = request.query_params.dict()
        chats = transcripts.filtered(row, query)
        rows, has_more = page(chats, query, "last_message_at")
        return Response(listed([answers.conversation(one) for one in rows], has_more=has_more))


class SingleConversation(Resource):
    @extend_schema(
        operation_id="retrieve_chatbot_conversation", summary="One conversation", tags=TAGS,
        responses=resources.ChatObject,
    )  # fmt: skip
    def get(self, request: Request, chatbot: str, chat_id: str) -> Response:
        row = chatbot_of(request, chatbot, READ)
        return Response(answers.conversation(transcripts.find(row, chat_id)))

    @extend_schema(
        operation_id="flag_chatbot_conversation", summary="Mark it for later, or note something",
        tags=TAGS, request=resources.ConversationUpdate, responses=resources.ChatObject,
    )  # fmt: skip
    def patch(self, request: Request, chatbot: str, chat_id: str) -> Response:
        chat = transcripts.find(chatbot_of(request, chatbot, WRITE), chat_id)
        asked = parse(resources.ConversationUpdate, request.data)
        if asked.flagged is not None:
            transcripts.flag(chat, flagged=asked.flagged)
        if asked.note is not None:
            transcripts.note(chat, asked.note)
        return Response(answers.conversation(chat))

    @extend_schema(
        operation_id="delete_chatbot_conversation", summary="Delete what was said in it",
        tags=TAGS, responses={200: resources.DeletedChat},
    )  # fmt: skip
    def delete(self, request: Request, chatbot: str, chat_id: str) -> Response:
        transcripts.delete(transcripts.find(chatbot_of(request, chatbot, WRITE), chat_id))
        return Response(answers.deleted("chatbot.conversation", chat_id))


class Messages(Resource):
    @extend_schema(
        operation_id="list_chatbot_messages", summary="What was said", tags=TAGS,
        parameters=PAGING, responses=resources.ChatMessageList,
    )  # fmt: skip
    def get(self, request: Request, chatbot: str, chat_id: str) -> Response:
        chat = transcripts.find(chatbot_of(request, chatbot, READ), chat_id)
        rows, has_more = page(transcripts.messages(chat), request.query_params, "place")
        return Response(listed([answers.message(one) for one in rows], has_more=has_more))


class Feedback(Resource):
    @extend_schema(
        operation_id="rate_chatbot_message", summary="Say whether an answer was good", tags=TAGS,
        request=resources.FeedbackCreate, responses=resources.FeedbackObject,
    )  # fmt: skip
    def post(self, request: Request, chatbot: str, chat_id: str, message_id: str) -> Response:
        chat = transcripts.find(chatbot_of(request, chatbot, WRITE), chat_id)
        asked = parse(resources.FeedbackCreate, request.data)
        rated = transcripts.rate(chat, message_id, asked.rating, asked.comment or "")
        said = {"rating": rated.feedback, "comment": rated.feedback_comment}
        return Response({"object": "chatbot.feedback", **said})


class SingleVisitor(Resource):
    @extend_schema(
        operation_id="export_chatbot_visitor", summary="All that is kept of a visitor", tags=TAGS,
        responses=resources.VisitorExport,
    )  # fmt: skip
    def get(self, request: Request, chatbot: str, visitor_id: str) -> Response:
        found = transcripts.visitor(chatbot_of(request, chatbot, READ), visitor_id)
        return Response(answers.visitor(found, transcripts.all_of(found)))

    @extend_schema(
        operation_id="delete_chatbot_visitor", summary="Delete all that is kept of a visitor",
        tags=TAGS, responses={200: resources.DeletedVisitor},
    )  # fmt: skip
    def delete(self, request: Request, chatbot: str, visitor_id: str) -> Response:
        row = chatbot_of(request, chatbot, WRITE)
        found = transcripts.visitor(row, visitor_id)
        count = transcripts.forget(row, found, author_of(request))
        return Response(answers.deleted("chatbot.visitor", visitor_id, conversations=count))
