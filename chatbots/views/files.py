"""/v1/chatbots/{name}/files: what it answers from."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from api.pagination import cut, listed
from api.resource import Resource
from chatbots import answers, files
from chatbots.schemas import resources
from chatbots.views.base import PAGING, READ, TAGS, WRITE, chatbot_of
from inference.schemas.refusals import parse


class Files(Resource):
    @extend_schema(
        operation_id="list_chatbot_files", summary="Its files, and how far they are read",
        tags=TAGS, parameters=PAGING, responses=resources.ChatbotFileList,
    )  # fmt: skip
    def get(self, request: Request, chatbot: str) -> Response:
        attached = files.attached(chatbot_of(request, chatbot, READ))
        shown = [answers.file(row) for row in reversed(attached)]
        kept, has_more = cut(shown, request.query_params)
        return Response(listed(kept, has_more=has_more))

    @extend_schema(
        operation_id="attach_chatbot_file", summary="Let it answer from a file", tags=TAGS,
        description="Also the live version, as soon as the file is read.",
        request=resources.ChatbotFileAttach, responses={201: resources.ChatbotFileObject},
    )  # fmt: skip
    def post(self, request: Request, chatbot: str) -> Response:
        row = chatbot_of(request, chatbot, WRITE)
        asked = parse(resources.ChatbotFileAttach, request.data)
        return Response(answers.file(files.attach(row, asked.file_id)), status=201)


class SingleFile(Resource):
    @extend_schema(
        operation_id="retrieve_chatbot_file", summary="One of its files", tags=TAGS,
        responses=resources.ChatbotFileObject,
    )  # fmt: skip
    def get(self, request: Request, chatbot: str, file_id: str) -> Response:
        return Response(answers.file(files.find(chatbot_of(request, chatbot, READ), file_id)))

    @extend_schema(
        operation_id="detach_chatbot_file", summary="Take a file away from it", tags=TAGS,
        description="The file itself stays.", responses={200: resources.DetachedFile},
    )  # fmt: skip
    def delete(self, request: Request, chatbot: str, file_id: str) -> Response:
        files.detach(chatbot_of(request, chatbot, WRITE), file_id)
        return Response(answers.deleted("chatbot.file", file_id))
