"""/v1/files and /v1/uploads: what OpenAI's clients send and expect."""

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller_of
from accounts.serializers import StrictSerializer
from api.errors import InvalidRequest, NotFound
from api.pagination import CursorPages, Limits
from api.resource import Resource, ResourceList
from files import kinds, receiving, serializers, storage, uploading
from files.models import StoredFile
from files.parsing import FormParser

READ, WRITE = "files:read", "files:write"
INLINE_NEVER = {
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    "cache-control": "private, no-store",
}


class FilePages(CursorPages):
    """As long as OpenAI's: programs read the first page and take it for all files."""

    limits = Limits(default=10_000, most=10_000)


@extend_schema_view(
    get=extend_schema(
        operation_id="list_files", summary="List files", tags=["files"],
        parameters=[OpenApiParameter("purpose", str, enum=StoredFile.Purpose.values)],
    )
)  # fmt: skip
class Files(ResourceList[StoredFile]):
    pagination_class = FilePages
    parser_classes = [FormParser]
    serializer_class = serializers.FileSerializer

    def get_queryset(self) -> QuerySet[StoredFile]:
        caller = caller_of(self.request)
        caller.require(READ)
        files = StoredFile.objects.all().for_organisation(caller.organisation_id)
        purpose = self.request.query_params.get("purpose")
        if purpose is None:
            return files
        if purpose not in StoredFile.Purpose.values:
            known = ", ".join(StoredFile.Purpose.values)
            raise InvalidRequest(f"'purpose' is one of {known}.", param="purpose")
        return files.filter(purpose=purpose)

    @extend_schema(
        operation_id="create_file", summary="Upload a file", tags=["files"],
        description="At most 512 MB in one piece; larger ones in parts, by `/v1/uploads`.",
        request={"multipart/form-data": serializers.NewFileSerializer},
        responses=serializers.FileSerializer,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        caller = caller_of(request)
        caller.require(WRITE)
        given = _checked(serializers.NewFileSerializer(data=request.data))
        file = given["file"]
        incoming = receiving.Incoming(
            stream=file.file,
            filename=file.name,
            size=file.size,
            purpose=given["purpose"],
            expires_after=serializers.seconds_of(given.get("expires_after")),
        )
        stored = receiving.receive(caller.organisation_id, incoming)
        return Response(serializers.FileSerializer(stored).data)


class File(Resource):
    @extend_schema(
        operation_id="retrieve_file", summary="One file", tags=["files"],
        responses=serializers.FileSerializer,
    )  # fmt: skip
    def get(self, request: Request, file_id: str) -> Response:
        return Response(serializers.FileSerializer(_file(request, file_id, READ)).data)

    @extend_schema(
        operation_id="delete_file", summary="Delete a file", tags=["files"],
        responses={200: serializers.DeletedFileSerializer},
    )  # fmt: skip
    def delete(self, request: Request, file_id: str) -> Response:
        receiving.forget(_file(request, file_id, WRITE))
        return Response(serializers.DeletedFileSerializer({"id": file_id}).data)


class FileContent(Resource):
    @extend_schema(
        operation_id="download_file", summary="What is in a file", tags=["files"],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )  # fmt: skip
    def get(self, request: Request, file_id: str) -> FileResponse:
        stored = _file(request, file_id, READ)
        try:
            content = storage.open_file(stored.storage_name)
        except FileNotFoundError as error:  # it was deleted a moment ago
            raise _unknown() from error
        return FileResponse(
            content,
            as_attachment=True,
            filename=stored.filename,
            content_type="application/octet-stream",
            headers=INLINE_NEVER,
        )


class Uploads(Resource):
    @extend_schema(
        operation_id="create_upload", summary="Begin an upload in parts", tags=["files"],
        description="Up to 8 GB, in parts of at most 64 MB each; it stays open for an hour.",
        request=serializers.NewUploadSerializer, responses=serializers.UploadSerializer,
    )  # fmt: skip
    def post(self, request: Request) -> Response:
        caller = caller_of(request)
        caller.require(WRITE)
        given = _checked(serializers.NewUploadSerializer(data=request.data))
        announced = uploading.Announced(
            filename=kinds.clean_name(given["filename"]),
            purpose=given["purpose"],
            size=given["bytes"],
            mime_type=given["mime_type"],
            expires_after=serializers.seconds_of(given.get("expires_after")),
        )
        upload = uploading.begin(caller.organisation_id, announced)
        return Response(serializers.UploadSerializer(upload).data)


class UploadParts(Resource):
    parser_classes = [FormParser]

    @extend_schema(
        operation_id="add_upload_part", summary="Add a part", tags=["files"],
        request={"multipart/form-data": serializers.NewPartSerializer},
        responses=serializers.PartSerializer,
    )  # fmt: skip
    def post(self, request: Request, upload_id: str) -> Response:
        caller = caller_of(request)
        caller.require(WRITE)
        data = _checked(serializers.NewPartSerializer(data=request.data))["data"]
        part = uploading.add_part(caller.organisation_id, upload_id, data.file, data.size)
        return Response(serializers.PartSerializer(part).data)


class UploadCompletion(Resource):
    @extend_schema(
        operation_id="complete_upload", summary="Put the parts together", tags=["files"],
        request=serializers.FinishedPartsSerializer, responses=serializers.UploadSerializer,
    )  # fmt: skip
    def post(self, request: Request, upload_id: str) -> Response:
        caller = caller_of(request)
        caller.require(WRITE)
        given = _checked(serializers.FinishedPartsSerializer(data=request.data))
        upload = uploading.complete(
            caller.organisation_id, upload_id, given["part_ids"], given.get("md5")
        )
        return Response(serializers.UploadSerializer(upload).data)


class UploadCancellation(Resource):
    @extend_schema(
        operation_id="cancel_upload", summary="Cancel an upload", tags=["files"], request=None,
        responses=serializers.UploadSerializer,
    )  # fmt: skip
    def post(self, request: Request, upload_id: str) -> Response:
        caller = caller_of(request)
        caller.require(WRITE)
        upload = uploading.cancel(caller.organisation_id, upload_id)
        return Response(serializers.UploadSerializer(upload).data)


def _file(request: Request, file_id: str, scope: str) -> StoredFile:
    caller = caller_of(request)
    caller.require(scope)
    mine = StoredFile.objects.all().for_organisation(caller.organisation_id)
    if stored := mine.filter(pk=file_id).first():
        return stored
    raise _unknown()


def _unknown() -> NotFound:
    return NotFound("No such file, or it is not yours.", hint="List yours with GET /v1/files.")


def _checked(serializer: StrictSerializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    validated: dict[str, Any] = serializer.validated_data
    return validated
