"""/v1/fine_tuning/jobs: create, list, look at, end early, rest, go on; events and checkpoints."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import caller_of, has_scope
from api.errors import InvalidRequest
from api.pagination import LIMIT_SCHEMA, listed, page
from api.resource import Resource
from inference.fine_tuning import creating, schemas, tasks
from inference.fine_tuning.models import FineTuningJob
from inference.schemas.refusals import parse

TAGS = ["fine-tuning"]
PAGING = [
    OpenApiParameter("limit", LIMIT_SCHEMA),
    OpenApiParameter("after", str, description="An id of the list: those behind it."),
]
METADATA = OpenApiParameter(
    "metadata",
    {"type": "object", "additionalProperties": {"type": "string"}},
    style="deepObject",
    explode=True,
    description="Only jobs with these pairs; the word null: only jobs without any.",
)


class _JobsView(Resource):
    permission_classes = [has_scope("inference")]


class Jobs(_JobsView):
    @extend_schema(
        operation_id="list_fine_tuning_jobs",
        summary="List fine-tuning jobs",
        tags=TAGS,
        parameters=[*PAGING, METADATA],
        responses=schemas.JobList,
    )
    def get(self, request: Request) -> Response:
        mine = FineTuningJob.objects.all().for_organisation(caller_of(request).organisation_id)
        query = request.query_params
        if query.get("metadata") == "null":
            mine = mine.filter(metadata={})
        elif "metadata" in query:
            raise InvalidRequest("Filter by metadata[name]=value.", param="metadata")
        pairs = {
            name.removeprefix("metadata[").removesuffix("]"): value
            for name, value in query.items()
            if name.startswith("metadata[") and name.endswith("]")
        }
        rows, has_more = page(mine.filter(metadata__contains=pairs) if pairs else mine, query)
        return Response(listed([schemas.shown(row) for row in rows], has_more=has_more))

    @extend_schema(
        operation_id="create_fine_tuning_job",
        summary="Train a model of your own on a file of chats",
        description="Trains a LoRA adapter, paid by the price tier `training`, which is ten times "
        "the standard price of input where none is set. The model is served at once.",
        tags=TAGS,
        request=schemas.JobCreate,
        responses=schemas.FineTuningJobObject,
    )
    def post(self, request: Request) -> Response:
        job = creating.create(caller_of(request), parse(schemas.JobCreate, request.data))
        tasks.wake()
        return Response(schemas.shown(job))


class SingleJob(_JobsView):
    @extend_schema(
        operation_id="retrieve_fine_tuning_job",
        summary="One fine-tuning job",
        tags=TAGS,
        responses=schemas.FineTuningJobObject,
    )
    def get(self, request: Request, job_id: str) -> Response:
        return Response(schemas.shown(creating.find(caller_of(request).organisation_id, job_id)))


class Cancellation(_JobsView):
    @extend_schema(
        operation_id="cancel_fine_tuning_job",
        summary="Cancel a fine-tuning job",
        description="Training stops within seconds; the tokens that were trained are charged.",
        tags=TAGS,
        request=None,
        responses=schemas.FineTuningJobObject,
    )
    def post(self, request: Request, job_id: str) -> Response:
        return Response(schemas.shown(creating.cancel(caller_of(request).organisation_id, job_id)))


class Pausing(_JobsView):
    @extend_schema(
        operation_id="pause_fine_tuning_job",
        summary="Let a fine-tuning job rest",
        description="What was trained is kept and charged; the rest of the hold is given back.",
        tags=TAGS,
        request=None,
        responses=schemas.FineTuningJobObject,
    )
    def post(self, request: Request, job_id: str) -> Response:
        return Response(schemas.shown(creating.pause(caller_of(request).organisation_id, job_id)))


class Resuming(_JobsView):
    @extend_schema(
        operation_id="resume_fine_tuning_job",
        summary="Let a fine-tuning job go on",
        tags=TAGS,
        request=None,
        responses=schemas.FineTuningJobObject,
    )
    def post(self, request: Request, job_id: str) -> Response:
        job = creating.resume(caller_of(request).organisation_id, job_id)
        tasks.wake()
        return Response(schemas.shown(job))


class Events(_JobsView):
    @extend_schema(
        operation_id="list_fine_tuning_events",
        summary="What a fine-tuning job tells: its losses, step by step, and what happens to it",
        tags=TAGS,
        parameters=PAGING,
        responses=schemas.EventList,
    )
    def get(self, request: Request, job_id: str) -> Response:
        job = creating.find(caller_of(request).organisation_id, job_id)
        rows, has_more = page(job.events.all(), request.query_params)
        return Response(listed([schemas.shown_event(row) for row in rows], has_more=has_more))


class Checkpoints(_JobsView):
    @extend_schema(
        operation_id="list_fine_tuning_checkpoints",
        summary="The models after each of the last three epochs",
        tags=TAGS,
        parameters=PAGING,
        responses=schemas.CheckpointList,
    )
    def get(self, request: Request, job_id: str) -> Response:
        job = creating.find(caller_of(request).organisation_id, job_id)
        rows, has_more = page(job.checkpoints.all(), request.query_params)
        return Response(listed([schemas.shown_checkpoint(row) for row in rows], has_more=has_more))
