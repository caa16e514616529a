"""Vector stores, the files in them, and the chunks that are searched.

The composite foreign keys are the database's own (migration 0002): a row never joins two
organisations, and a file or store that goes takes its chunks along, also under a running job.
"""

from datetime import timedelta
from typing import Any, ClassVar, Self

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Count, Q, Sum
from django.db.models.functions import Now
from django.utils import timezone
from pgvector.django import HalfVectorField

from accounts.models import Organisation
from api import ids
from api.jobs import Job, JobQuerySet
from files.models import StoredFile

LARGEST_CHUNK, LARGEST_OVERLAP = 800, 400
"""Tokens: what the strategy `auto` means."""


def new_store_id() -> str:
    return ids.new("vs")


def new_file_batch_id() -> str:
    return ids.new("vsfb")


class Status(models.TextChoices):
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class Stage(models.TextChoices):
    """Where the reading of a file is, and what `done` of `of` counts there."""

    READING = "reading", "reading its pages"
    CUTTING = "cutting", "cutting its characters into chunks"
    EMBEDDING = "embedding", "embedding its chunks"


class WithFilesQuerySet(models.QuerySet[Any]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)

    def counted(self) -> Self:
        """With `total`, how many files have which status (`in_progress`, …), and `usage_bytes`."""
        by_status = {
            status: Count("files", filter=Q(files__status=status)) for status in Status.values
        }
        usage = Sum("files__usage_bytes", default=0)
        return self.annotate(total=Count("files"), usage_bytes=usage, **by_status)


class VectorStoreQuerySet(WithFilesQuerySet):
    def kept(self, *, internal: bool) -> Self:
        """Those that API users made, or those that our own apps keep."""
        return self.filter(internal=internal)

    def expired(self) -> Self:
        return self.filter(expires_at__lte=Now())


class VectorStore(models.Model):
    id = models.CharField(primary_key=True, max_length=40, default=new_store_id, editable=False)
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    name = models.CharField(max_length=256, blank=True)
    description = models.CharField(max_length=512, blank=True)
    metadata = models.JSONField(default=dict)
    internal = models.BooleanField(default=False, help_text="Kept by another app, not in the API.")
    expires_after_days = models.PositiveSmallIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_active_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, db_index=True)

    usage_bytes: int  # of a row that `counted()` found

    objects: ClassVar[models.Manager[Any]] = VectorStoreQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="store_of_one"),
        ]
        indexes = [models.Index(fields=["organisation", "created_at"])]

    def __str__(self) -> str:
        return f"{self.name or 'unnamed'} ({self.id})"

    @property
    def is_over(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def stay(self) -> None:
        """Used now: what expires does so that many days from here. Once a minute is enough."""
        days = self.expires_after_days
        rested = VectorStore.objects.filter(last_active_at__lt=Now() - timedelta(minutes=1))
        rested.filter(pk=self.pk).update(
            last_active_at=Now(), expires_at=None if days is None else Now() + timedelta(days=days)
        )


class FileBatch(models.Model):
    """Files that were added to a store in one call."""

    id = models.CharField(
        primary_key=True, max_length=40, default=new_file_batch_id, editable=False
    )
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    store = models.ForeignKey(
        VectorStore, on_delete=models.DO_NOTHING, db_constraint=False, related_name="batches"
    )
    cancelled_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Any]] = WithFilesQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "file batches"
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="file_batch_of_one"),
        ]

    def __str__(self) -> str:
        return self.id


class StoreFileQuerySet(JobQuerySet):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)

    def in_progress(self) -> Self:
        return self.filter(status=Status.IN_PROGRESS)

    def completed(self) -> Self:
        return self.filter(status=Status.COMPLETED)


class StoreFile(Job):
    """A file in a store. While it is in progress, the row is the job that reads it; later, when
    another model is there, the job that embeds its chunks anew. Words are found meanwhile."""

    LEASE: ClassVar = timedelta(seconds=20)

    class ErrorCode(models.TextChoices):
        SERVER_ERROR = "server_error"
        UNSUPPORTED_FILE = "unsupported_file"
        INVALID_FILE = "invalid_file"

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    store = models.ForeignKey(
        VectorStore, on_delete=models.DO_NOTHING, db_constraint=False, related_name="files"
    )
    file = models.ForeignKey(
        StoredFile, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    batch = models.ForeignKey(
        FileBatch, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="files"
    )
    status = models.CharField(max_length=11, choices=Status, default=Status.IN_PROGRESS)
    error_code = models.CharField(max_length=16, choices=ErrorCode, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    attributes = models.JSONField(default=dict)
    largest_chunk = models.PositiveSmallIntegerField(default=LARGEST_CHUNK, help_text="Tokens.")
    overlap = models.PositiveSmallIntegerField(default=LARGEST_OVERLAP, help_text="Tokens.")
    usage_bytes = models.PositiveBigIntegerField(default=0, help_text="Of its chunks' text.")
    cost_nano = models.BigIntegerField(default=0, db_default=0, help_text="Of its vectors.")
    stage = models.CharField(max_length=9, choices=Stage, default=Stage.READING)
    done = models.PositiveIntegerField(default=0)
    of = models.PositiveIntegerField(null=True, help_text="Empty: not known yet.")
    embedded_by = models.CharField(max_length=200, blank=True, help_text="Of all its vectors.")

    objects: ClassVar[models.Manager[Any]] = StoreFileQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "store", "id"], name="file_of_store"),
            models.UniqueConstraint(fields=["store", "file"], name="file_once_in_a_store"),
        ]
        indexes = [
            models.Index(
                fields=["created_at"], name="files_to_read", condition=Q(status="in_progress")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_id} in {self.store_id} ({self.status})"

    @property
    def is_queued(self) -> bool:
        """No worker has begun."""
        return self.status == Status.IN_PROGRESS and not (self.holder or self.attempts or self.done)

    def note(self, stage: Stage, done: int, of: int) -> None:
        """How far its reading is, for whoever waits for it."""
        mine = StoreFile.objects.filter(pk=self.pk, holder=self.holder)
        mine.update(stage=stage, done=done, of=of)

    def rest(self, pause: timedelta) -> None:
        """No worker claims it before that."""
        StoreFile.objects.filter(pk=self.pk, holder="").update(lease_until=Now() + pause)


class Chunk(models.Model):
    """`place` counts from 0 in the file, `page` from 1; `words` is what full text search reads:
    English stems, and every word as it stands, for names and other languages."""

    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    store = models.ForeignKey(
        VectorStore, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    store_file = models.ForeignKey(
        StoreFile, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False,
        related_name="chunks",
    )  # fmt: skip
    place = models.PositiveIntegerField()
    page = models.PositiveIntegerField(null=True)
    text = models.TextField()
    tokens = models.PositiveIntegerField()
    words = models.GeneratedField(
        expression=SearchVector("text", config="english") + SearchVector("text", config="simple"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        ordering = ["store_file", "place"]
        constraints = [
            models.UniqueConstraint(fields=["store_file", "place"], name="place_in_a_file"),
        ]
        indexes = [GinIndex(fields=["words"], name="chunk_words", fastupdate=False)]

    def __str__(self) -> str:
        return f"{self.store_file_id}, chunk {self.place}"


class Vector(models.Model):
    """What a part of a chunk means, as `model` reads it: a chunk may be longer than what a model
    takes at once. Where Postgres lacks pgvector there is no such table: see `vectors`."""

    chunk = models.ForeignKey(
        Chunk, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    part = models.PositiveSmallIntegerField()
    organisation = models.ForeignKey(
        Organisation, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False,
        related_name="+",
    )  # fmt: skip
    store = models.ForeignKey(
        VectorStore, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False,
        related_name="+",
    )  # fmt: skip
    store_file = models.ForeignKey(
        StoreFile, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False,
        related_name="+",
    )  # fmt: skip
    model = models.CharField(max_length=200)
    embedding = HalfVectorField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chunk", "part"], name="part_of_a_chunk")]

    def __str__(self) -> str:
        return f"{self.chunk_id}, part {self.part} by {self.model}"
