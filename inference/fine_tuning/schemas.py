"""What the routes of fine-tuning take, and what they answer: OpenAI's shapes."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from inference.fine_tuning.models import Checkpoint, Event, FineTuningJob
from inference.schemas.fields import ModelName, ShortText, Strict, at_most, refuse

Label = Annotated[str, StringConstraints(max_length=64)]
Suffix = Annotated[
    str, StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.+-]+$")
]
FileID = Annotated[str, StringConstraints(min_length=1, max_length=48)]
Status = Literal[
    "validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled",
]  # fmt: skip


def _not_empty(value: object) -> None:
    """An empty list says the same as none."""
    if value not in (None, []):
        raise PydanticCustomError(
            "unsupported", "this server does not support it; leave it out or send null"
        )


class Hyperparameters(Strict):
    n_epochs: Literal["auto"] | Annotated[int, Field(ge=1, le=50)] = "auto"
    batch_size: Literal["auto"] | Annotated[int, Field(ge=1, le=256)] = "auto"
    learning_rate_multiplier: Literal["auto"] | Annotated[float, Field(gt=0, le=100)] = "auto"


class Supervised(Strict):
    hyperparameters: Hyperparameters | None = None


class Method(Strict):
    type: Literal["supervised"]
    supervised: Supervised | None = None


class JobCreate(Strict):
    model: ModelName
    training_file: FileID = Field(description="A file with the purpose `fine-tune`.")
    validation_file: FileID | None = None
    method: Method | None = None
    hyperparameters: Hyperparameters | None = Field(None, description="The older form of method.")
    seed: Annotated[int, Field(ge=0, lt=2**31)] | None = None
    suffix: Suffix | None = None
    metadata: Annotated[dict[Label, ShortText], at_most(16)] | None = None
    integrations: Annotated[None, BeforeValidator(_not_empty)] = None

    @model_validator(mode="after")
    def _one_place_for_hyperparameters(self) -> Self:
        if self.method and self.hyperparameters:
            raise refuse("hyperparameters", "it is the older form of method; send one of them")
        return self

    @property
    def chosen(self) -> Hyperparameters:
        inner = self.method.supervised if self.method else None
        return (inner and inner.hyperparameters) or self.hyperparameters or Hyperparameters()


class JobError(BaseModel):
    code: str
    message: str
    param: str | None


class ShownHyperparameters(BaseModel):
    n_epochs: int | Literal["auto"]
    batch_size: int | Literal["auto"]
    learning_rate_multiplier: float | Literal["auto"]


class ShownSupervised(BaseModel):
    hyperparameters: ShownHyperparameters


class ShownMethod(BaseModel):
    type: Literal["supervised"]
    supervised: ShownSupervised


class FineTuningJobObject(BaseModel):
    id: str
    object: Literal["fine_tuning.job"]
    created_at: int
    error: JobError | None
    estimated_finish: int | None
    fine_tuned_model: str | None
    finished_at: int | None
    hyperparameters: ShownHyperparameters
    integrations: list[str]
    metadata: dict[str, str] | None
    method: ShownMethod
    model: str
    organization_id: str
    result_files: list[str]
    seed: int
    status: Status
    trained_tokens: int | None
    training_file: str
    validation_file: str | None


class EventObject(BaseModel):
    id: str
    object: Literal["fine_tuning.job.event"]
    created_at: int
    level: Literal["info", "warn", "error"]
    message: str
    type: Literal["message", "metrics"]
    data: dict[str, Any]


class CheckpointMetrics(BaseModel):
    step: float
    train_loss: float
    train_mean_token_accuracy: float
    valid_loss: float | None = None
    valid_mean_token_accuracy: float | None = None
    full_valid_loss: float | None = None
    full_valid_mean_token_accuracy: float | None = None


class CheckpointObject(BaseModel):
    id: str
    object: Literal["fine_tuning.job.checkpoint"]
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    metrics: CheckpointMetrics
    step_number: int


class _Page(BaseModel):
    object: Literal["list"]
    has_more: bool
    first_id: str | None
    last_id: str | None


class JobList(_Page):
    data: list[FineTuningJobObject]


class EventList(_Page):
    data: list[EventObject]


class CheckpointList(_Page):
    data: list[CheckpointObject]


def shown(job: FineTuningJob) -> dict[str, Any]:
    return {
        "id": job.id,
        "object": "fine_tuning.job",
        "created_at": _epoch(job.created_at),
        "error": job.error,
        "estimated_finish": (
            _epoch(job.estimated_finish) if job.status == FineTuningJob.Status.RUNNING else None
        ),
        "fine_tuned_model": job.fine_tuned_model or None,
        "finished_at": _epoch(job.finished_at),
        "hyperparameters": job.hyperparameters,
        "integrations": [],
        "metadata": job.metadata or None,
        "method": {
            "type": "supervised",
            "supervised": {"hyperparameters": job.hyperparameters},
        },
        "model": job.model,
        "organization_id": job.organisation_id,
        "result_files": [job.result_file_id] if job.result_file_id else [],
        "seed": job.seed,
        "status": job.status,
        "trained_tokens": job.trained_tokens,
        "training_file": job.training_file_id,
        "validation_file": job.validation_file_id or None,
    }


def shown_event(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "object": "fine_tuning.job.event",
        "created_at": _epoch(event.created_at),
        "level": event.level,
        "message": event.message,
        "type": event.type,
        "data": event.data,
    }


def shown_checkpoint(checkpoint: Checkpoint) -> dict[str, Any]:
    return {
        "id": checkpoint.id,
        "object": "fine_tuning.job.checkpoint",
        "created_at": _epoch(checkpoint.created_at),
        "fine_tuned_model_checkpoint": checkpoint.model,
        "fine_tuning_job_id": checkpoint.job_id,
        "metrics": {"step": checkpoint.step_number, **checkpoint.metrics},
        "step_number": checkpoint.step_number,
    }


def _epoch(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())
