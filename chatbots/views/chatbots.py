"""/v1/chatbots: made, listed, changed, paused, exported, deleted."""

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.pagination import listed, page
from api.resource import Resource
from chatbots import answers, exchange, making, naming
from chatbots.configuration import Configuration
from chatbots.models import Chatbot
from chatbots.schemas import resources
from chatbots.views.base import (
    PAGING,
    READ,
    TAGS,
    WRITE,
    author_of,
    chatbot_of,
    organisation_of,
)
from inference.schemas.refusals import parse


class Chatbots(Resource):
    @extend_schema(
        operation_id="list_chatbots", summary="List chatbots", tags=TAGS, parameters=PAGING,
        responses=resources.ChatbotList,
    )  # fmt: skip
    def get(self, request: Request) -> Response:
        mine = Chatbot.objects.all().for_organisation(organisation_of(request, READ))
        rows, has_more = page(mine.select_related("live"), request.query_params)
        return Response(listed(answers.chatbots(rows), has_more=has_more))

    @extend_schema(
        operation_id="create_chatbot", summary="Make a chatbot", tags=TAGS,
        description="A draft: publish a version, and it answers.",
        request=resources.ChatbotCreate, responses={201: resources.ChatbotObject},
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        organisation_id = organisation_of(request, WRITE)
        asked = parse(resources.ChatbotCreate, request.data)
        made = making.create(
            organisation_id,
            author_of(request),
            asked.name,
            asked.title or "",
            asked.configuration,
        )
        return Response(answers.chatbot(made), status=201)


class SingleChatbot(Resource):
    @extend_schema(
        operation_id="retrieve_chatbot", summary="One chatbot", tags=TAGS,
        responses=resources.ChatbotObject,
    )  # fmt: skip
    def get(self, request: Request, chatbot: str) -> Response:
        return Response(answers.chatbot(chatbot_of(request, chatbot, READ)))

    @extend_schema(
        operation_id="change_chatbot", summary="Change its name, title or draft", tags=TAGS,
        description="Fields that are left out stay.",
        request=resources.ChatbotUpdate, responses=resources.ChatbotObject,
    )  # fmt: skip
    @transaction.atomic
    def patch(self, request: Request, chatbot: str) -> Response:
        row = chatbot_of(request, chatbot, WRITE)
        asked = parse(resources.ChatbotUpdate, request.data)
        if asked.name is not None:
            naming.rename(row, author_of(request), asked.name)
        row = making.change(row, title=asked.title, configuration=asked.configuration)
        return Response(answers.chatbot(row))

    @extend_schema(
        operation_id="delete_chatbot", summary="Delete a chatbot with all that it has", tags=TAGS,
        description="Its versions, conversations and knowledge go; its costs stay in the books.",
        responses={200: resources.DeletedChatbot},
    )  # fmt: skip
    def delete(self, request: Request, chatbot: str) -> Response:
        row = chatbot_of(request, chatbot, WRITE)
        making.delete(row, author_of(request))
        return Response(answers.deleted("chatbot", row.id))


class Pause(Resource):
    @extend_schema(
        operation_id="pause_chatbot", summary="Take no prompts until it is resumed", tags=TAGS,
        request=None, responses=resources.ChatbotObject,
    )  # fmt: skip
    def post(self, request: Request, chatbot: str) -> Response:
        row = chatbot_of(request, chatbot, WRITE)
        return Response(answers.chatbot(making.pause(row, author_of(request))))


class Resume(Resource):
    @extend_schema(
        operation_id="resume_chatbot", summary="Take prompts again", tags=TAGS,
        request=None, responses=resources.ChatbotObject,
    )  # fmt: skip
    def post(self, request: Request, chatbot: str) -> Response:
        row = chatbot_of(request, chatbot, WRITE)
        return Response(answers.chatbot(making.resume(row, author_of(request))))


class KeyRotation(Resource):
    @extend_schema(
        operation_id="rotate_chatbot_key", summary="A new publishable key; the old one ends now",
        tags=TAGS, request=None, responses=resources.ChatbotObject,
    )  # fmt: skip
    def post(self, request: Request, chatbot: str) -> Response:
        row = chatbot_of(request, chatbot, WRITE)
        return Response(answers.chatbot(making.rotate_key(row, author_of(request))))


class Identity(Resource):
    @extend_schema(
        operation_id="retrieve_chatbot_identity_secret",
        summary="What your own server signs visitors' tokens with", tags=TAGS,
        responses=resources.IdentitySecret,
    )  # fmt: skip
    def get(self, request: Request, chatbot: str) -> Response:
        secret = chatbot_of(request, chatbot, WRITE).secret
        return Response({"object": "chatbot.identity_secret", "secret": secret})


class Export(Resource):
    @extend_schema(
        operation_id="export_chatbot", summary="Its draft as YAML", tags=TAGS,
        responses=resources.ChatbotExport,
    )  # fmt: skip
    def get(self, request: Request, chatbot: str) -> Response:
        draft = Configuration.model_validate(chatbot_of(request, chatbot, READ).draft)
        return Response({"object": "chatbot.export", "yaml": exchange.written(draft)})


class Import(Resource):
    @extend_schema(
        operation_id="import_chatbot", summary="A draft from YAML", tags=TAGS,
        description="What is wrong in it is named with its line.",
        request=resources.ChatbotImport, responses=resources.ChatbotObject,
    )  # fmt: skip
    def post(self, request: Request, chatbot: str) -> Response:
        row = chatbot_of(request, chatbot, WRITE)
        asked = parse(resources.ChatbotImport, request.data)
        return Response(answers.chatbot(making.replace_draft(row, exchange.read(asked.yaml))))
