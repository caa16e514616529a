"""A batch, and its lines for as long as it runs."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, ClassVar, Final, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import APIKey, Organisation
from api import ids
from api.jobs import Job, JobQuerySet

WINDOW: Final = timedelta(hours=24)


def new_batch_id() -> str:
    return ids.new("batch")


def end_of_window() -> datetime:
    return timezone.now() + WINDOW


class BatchQuerySet(JobQuerySet):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)

    def unfinished(self) -> Self:
        return self.filter(status__in=Batch.UNFINISHED)

    def in_progress(self) -> Self:
        return self.filter(status=Batch.Status.IN_PROGRESS, expires_at__gt=Now())

    def next_for(self, busy: Collection[str]) -> Self:
        """What a worker may claim that is busy for these organisations: of theirs only what is to
        be ended, which is quick."""
        ends = Q(status=Batch.Status.CANCELLING) | Q(expires_at__lte=Now())
        return self.unfinished().filter(ends | ~Q(organisation_id__in=busy))


class Batch(Job):
    """Files are named by id alone: their owner may delete them at any time."""

    class Status(models.TextChoices):
        VALIDATING = "validating"
        FAILED = "failed"
        IN_PROGRESS = "in_progress"
        FINALIZING = "finalizing"
        COMPLETED = "completed"
        EXPIRED = "expired"
        CANCELLING = "cancelling"
        CANCELLED = "cancelled"

    LEASE: ClassVar = timedelta(seconds=20)
    UNFINISHED: Final = (
        Status.VALIDATING, Status.IN_PROGRESS, Status.FINALIZING, Status.CANCELLING,
    )  # fmt: skip

    id = models.CharField(primary_key=True, max_length=40, default=new_batch_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="batches")
    key = models.ForeignKey(APIKey, on_delete=models.CASCADE, related_name="+")
    status = models.CharField(max_length=12, choices=Status, default=Status.VALIDATING)
    endpoint = models.CharField(max_length=32)
    model = models.CharField(max_length=200, blank=True, help_text="That of the first line.")
    metadata = models.JSONField(default=dict)
    errors = models.JSONField(default=list, help_text="Why the whole batch failed or waits.")

    input_file_id = models.CharField(max_length=48)
    output_file_id = models.CharField(max_length=48, blank=True)
    error_file_id = models.CharField(max_length=48, blank=True)
    output_expires_after = models.PositiveIntegerField(null=True, help_text="Seconds.")

    total = models.PositiveIntegerField(default=0)
    completed = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    prompt_tokens = models.PositiveBigIntegerField(default=0)
    cached_tokens = models.PositiveBigIntegerField(default=0)
    completion_tokens = models.PositiveBigIntegerField(default=0)
    charged = models.PositiveBigIntegerField(default=0, help_text="Nano-dollars.")

    expires_at = models.DateTimeField(default=end_of_window)
    in_progress_at = models.DateTimeField(null=True)
    finalizing_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    expired_at = models.DateTimeField(null=True)
    cancelling_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager[Any]] = BatchQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        verbose_name_plural = "batches"
        indexes = [
            models.Index(fields=["organisation", "created_at"]),
            models.Index(
                fields=["created_at"],
                name="batches_unfinished",
                condition=Q(status__in=("validating", "in_progress", "finalizing", "cancelling")),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.status})"

    def advance(self, before: str, after: str, **changes: object) -> bool:
        """Go to the next status, unless it was cancelled meanwhile or another worker has it."""
        mine = Batch.objects.filter(pk=self.pk, holder=self.holder, status=before)
        return bool(self.holder and mine.update(status=after, **changes))


class Line(models.Model):
    """One request: `pending` until it is taken, `running` under a hold that nobody else has."""

    class State(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="lines", db_index=False)
    number = models.PositiveIntegerField(help_text="Its place in the file, from 1.")
    custom_id = models.CharField(max_length=512)
    model = models.CharField(max_length=200, blank=True)
    body = models.TextField()
    state = models.CharField(max_length=9, choices=State)
    attempts = models.PositiveSmallIntegerField()
    hold_id = models.CharField(max_length=40, blank=True)
    status_code = models.PositiveSmallIntegerField(null=True)
    answer = models.TextField(blank=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="line_of_batch"),
        ]
        indexes = [models.Index(fields=["batch", "state", "number"], name="lines_by_state")]

    def __str__(self) -> str:
        return f"{self.batch_id} line {self.number} ({self.state})"
