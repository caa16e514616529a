"""A file of an organisation: what is known of it; its bytes lie in the storage."""

from typing import ClassVar, Final, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models import Organisation

GIVEN: Final = ("assistants", "batch", "evals", "fine-tune", "user_data", "vision")
"""Purposes that clients may upload for; the others are our own answers'."""


class StoredFileQuerySet(models.QuerySet["StoredFile"]):
    def for_organisation(self, organisation_id: str) -> Self:
        """An organisation's files as its keys may see them."""
        return self.filter(
            Q(expires_at=None) | Q(expires_at__gt=Now()),
            organisation_id=organisation_id,
            complete=True,
        )

    def expired(self) -> Self:
        return self.filter(expires_at__lte=Now())


class StoredFile(models.Model):
    """The row is there before the bytes are (`complete` false), so that a crash leaves no bytes
    that nobody knows. `storage_name` is random: nothing of the user's name touches the disk."""

    class Purpose(models.TextChoices):
        ASSISTANTS = "assistants"
        ASSISTANTS_OUTPUT = "assistants_output"
        BATCH = "batch"
        BATCH_OUTPUT = "batch_output"
        EVALS = "evals"
        FINE_TUNE = "fine-tune"
        FINE_TUNE_RESULTS = "fine-tune-results"
        USER_DATA = "user_data"
        VISION = "vision"

    id = models.CharField(primary_key=True, max_length=48, editable=False)  # file-…
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="files")
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    filename = models.CharField(max_length=255)
    content_type = models.CharField(max_length=100)
    size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64, blank=True)
    storage_name = models.CharField(max_length=120, unique=True, editable=False)
    complete = models.BooleanField(default=False)
    lines = models.PositiveIntegerField(null=True, help_text="Of JSONL: how many.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True, db_index=True)

    objects: ClassVar[models.Manager["StoredFile"]] = StoredFileQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        verbose_name = "file"
        constraints = [
            models.UniqueConstraint(fields=["organisation", "id"], name="file_of_one"),
        ]
        indexes = [
            models.Index(fields=["organisation", "created_at"]),
            models.Index(
                fields=["created_at"], name="files_not_complete", condition=Q(complete=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.filename} ({self.id})"
