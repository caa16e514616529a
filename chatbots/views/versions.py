"""/v1/chatbots/{name}/versions: published, brought back, compared."""

from dataclasses import asdict

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.pagination import cut, listed
from api.resource import Resource
from chatbots import answers, versions
from chatbots.models import Version
from chatbots.schemas import resources
from chatbots.views.base import PAGING, READ, TAGS, WRITE, author_of, chatbot_of
from inference.schemas.refusals import parse


class Versions(Resource):
    @extend_schema(
        operation_id="list_chatbot_versions", summary="Its versions", tags=TAGS,
        parameters=PAGING, responses=resources.VersionList,
    )  # fmt: skip
    def get(self, request: Request, chatbot: str) -> Response:
        row = chatbot_of(request, chatbot, READ)
        mine = Version.objects.filter(organisation_id=row.organisation_id, chatbot=row)
        shown = [answers.version(one, row.live_id) for one in mine.order_by("number")]
        kept, has_more = cut(shown, request.query_params)
        return Response(listed(kept, has_more=has_more))

    @extend_schema(
        operation_id="publish_chatbot", summary="Publish the draft as a new version", tags=TAGS,
        request=resources.VersionCreate, responses={201: resources.VersionObject},
    )  # fmt: skip
    def post(self, request: Request, chatbot: str) -> Response:
        row = chatbot_of(request, chatbot, WRITE)
        asked = parse(resources.VersionCreate, request.data)
        made = versions.publish(row, author_of(request), asked.note)
        return Response(answers.version(made, made.pk), status=201)


class SingleVersion(Resource):
    @extend_schema(
        operation_id="retrieve_chatbot_version", summary="One version", tags=TAGS,
        responses=resources.VersionObject,
    )  # fmt: skip
    def get(self, request: Request, chatbot: str, number: int) -> Response:
        row = chatbot_of(request, chatbot, READ)
        return Response(answers.version(versions.find(row, number), row.live_id))


class Restoration(Resource):
    @extend_schema(
        operation_id="restore_chatbot_version", summary="An earlier version becomes the draft",
        tags=TAGS, request=None, responses=resources.ChatbotObject,
    )  # fmt: skip
    def post(self, request: Request, chatbot: str, number: int) -> Response:
        row = chatbot_of(request, chatbot, WRITE)
        return Response(answers.chatbot(versions.restore(row, number)))


class Republication(Resource):
    @extend_schema(
        operation_id="publish_chatbot_version", summary="An earlier version goes live again",
        description="A rollback: the draft stays as it is.",
        tags=TAGS, request=None, responses=resources.VersionObject,
    )  # fmt: skip
    def post(self, request: Request, chatbot: str, number: int) -> Response:
        row = chatbot_of(request, chatbot, WRITE)
        made = versions.publish_again(row, number, author_of(request))
        return Response(answers.version(made, made.pk))


class Diff(Resource):
    @extend_schema(
        operation_id="diff_chatbot_versions", summary="What differs between two versions",
        tags=TAGS, responses=resources.VersionDiff,
        parameters=[
            OpenApiParameter("from", str, description="A number or `draft`; the live version."),
            OpenApiParameter("to", str, description="A number or `draft`; the draft."),
        ],
    )  # fmt: skip
    def get(self, request: Request, chatbot: str) -> Response:
        row = chatbot_of(request, chatbot, READ)
        live = str(row.live.number) if row.live else versions.DRAFT
        before = versions.configuration_of(row, request.query_params.get("from", live))
        after = versions.configuration_of(row, request.query_params.get("to", versions.DRAFT))
        changes = [asdict(change) for change in versions.diff(before, after)]
        return Response({"object": "chatbot.diff", "changes": changes})
