"""A fine-tuning job, what it tells on its way, and the checkpoints that it leaves."""

import secrets
from datetime import timedelta
from typing import Any, ClassVar, Final, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import APIKey, Organisation
from api.jobs import Job, JobQuerySet

LONGEST_ID: Final = 48


def new_job_id() -> str:
    """OpenAI's own shape: clients look for `ftjob-`."""
    return f"ftjob-{secrets.token_hex(12)}"


def new_event_id() -> str:
    return f"ftevent-{secrets.token_hex(12)}"


def new_checkpoint_id() -> str:
    return f"ftckpt_{secrets.token_hex(12)}"


class JobsQuerySet(JobQuerySet):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)

    def unfinished(self) -> Self:
        return self.filter(status__in=FineTuningJob.UNFINISHED)

    def for_workers(self) -> Self:
        """What a worker has to do something for: also what was ended while one had it."""
        return self.filter(Q(status__in=FineTuningJob.WORKED_ON) | ~Q(hold_id=""))

    def claimable(self) -> Self:
        """One job of an organisation at a time, and none that has just broken down."""
        busy = self.model._base_manager.filter(lease_until__gt=Now())  # noqa: SLF001 - Django's documented way around filters
        return (
            self.for_workers()
            .filter(Q(rests_until=None) | Q(rests_until__lt=Now()))
            .exclude(organisation_id__in=busy.values("organisation_id"))
        )


class FineTuningJob(Job):
    """Files are named by id alone: their owner may delete them at any time.

    Tokens up to `billed_tokens` are paid for; `hold_id` is the open hold of those after them.
    """

    class Status(models.TextChoices):
        VALIDATING = "validating_files"
        QUEUED = "queued"
        RUNNING = "running"
        PAUSED = "paused"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    WORKED_ON: Final = (Status.VALIDATING, Status.QUEUED, Status.RUNNING)
    UNFINISHED: Final = (*WORKED_ON, Status.PAUSED)

    id = models.CharField(
        primary_key=True, max_length=LONGEST_ID, default=new_job_id, editable=False
    )
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    key = models.ForeignKey(APIKey, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=16, choices=Status, default=Status.VALIDATING)
    model = models.CharField(max_length=200, help_text="The base.")
    suffix = models.CharField(max_length=64, blank=True)
    seed = models.PositiveIntegerField()
    hyperparameters = models.JSONField(help_text='As asked; a number for each "auto" once counted.')
    metadata = models.JSONField(default=dict)
    training_file_id = models.CharField(max_length=LONGEST_ID)
    validation_file_id = models.CharField(max_length=LONGEST_ID, blank=True)
    result_file_id = models.CharField(max_length=LONGEST_ID, blank=True)
    fine_tuned_model = models.CharField(max_length=200, blank=True)
    error = models.JSONField(null=True)

    total_tokens = models.PositiveBigIntegerField(default=0)
    billed_tokens = models.PositiveBigIntegerField(default=0)
    trained_tokens = models.PositiveBigIntegerField(null=True, help_text="Once it is over.")
    steps = models.PositiveIntegerField(default=0)
    hold_id = models.CharField(max_length=40, blank=True)
    breakdowns = models.PositiveSmallIntegerField(default=0)
    rests_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    estimated_finish = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Any]] = JobsQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(fields=["organisation", "created_at"]),
            models.Index(
                fields=["created_at"],
                name="training_not_over",
                condition=Q(status__in=("validating_files", "queued", "running")) | ~Q(hold_id=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"

    def advance(self, before: str, after: str, **changes: object) -> bool:
        """To the next status, unless it was ended meanwhile or another worker has it."""
        mine = FineTuningJob.objects.filter(pk=self.pk, holder=self.holder, status=before)
        if not self.holder or not mine.update(status=after, **changes):
            return False
        self.refresh_from_db()
        return True

    def tell(self, message: str, level: str = "info", **fields: Any) -> None:
        Event.objects.create(job=self, message=message, level=level, **fields)

    @property
    def short_id(self) -> str:
        """What its models are told apart by."""
        return self.id.removeprefix("ftjob-")[:8]


def in_seconds(seconds: float) -> Any:
    return Now() + timedelta(seconds=seconds)


class Event(models.Model):
    """`step` tells a row of metrics, which a training that goes on may tell again, once."""

    id = models.CharField(
        primary_key=True, max_length=LONGEST_ID, default=new_event_id, editable=False
    )
    job = models.ForeignKey(FineTuningJob, on_delete=models.CASCADE, related_name="events")
    created_at = models.DateTimeField(default=timezone.now)
    level = models.CharField(max_length=5, default="info")
    message = models.TextField()
    type = models.CharField(max_length=7, default="message")
    data = models.JSONField(default=dict)
    step = models.PositiveIntegerField(null=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["job", "step"], name="metrics_of_a_step_once"),
        ]
        indexes = [models.Index(fields=["job", "created_at"])]

    def __str__(self) -> str:
        return f"{self.job_id}: {self.message}"


class Checkpoint(models.Model):
    id = models.CharField(
        primary_key=True, max_length=LONGEST_ID, default=new_checkpoint_id, editable=False
    )
    job = models.ForeignKey(FineTuningJob, on_delete=models.CASCADE, related_name="checkpoints")
    created_at = models.DateTimeField(default=timezone.now)
    step_number = models.PositiveIntegerField()
    model = models.CharField(max_length=200)
    metrics = models.JSONField(default=dict)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["job", "step_number"], name="checkpoint_of_a_step"),
        ]

    def __str__(self) -> str:
        return self.model
