"""An upload in parts: collects them, in any order, until it is completed or an hour has passed."""

from datetime import datetime, timedelta
from typing import ClassVar, Final, Self

from django.db import models
from django.utils import timezone

from accounts.models import Organisation
from files.models.stored_file import StoredFile

OPEN_FOR: Final = timedelta(hours=1)


def end_of_upload() -> datetime:
    return timezone.now() + OPEN_FOR


class UploadQuerySet(models.QuerySet["Upload"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)

    def over(self) -> Self:
        """Pending ones whose hour has passed."""
        return self.filter(status=Upload.Status.PENDING, expires_at__lte=timezone.now())


class Upload(models.Model):
    class Status(models.TextChoices):
        PENDING = "pending"
        COMPLETED = "completed"
        CANCELLED = "cancelled"
        EXPIRED = "expired"

    id = models.CharField(primary_key=True, max_length=48, editable=False)  # upload_…
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    filename = models.CharField(max_length=255)
    purpose = models.CharField(max_length=20, choices=StoredFile.Purpose.choices)
    size = models.PositiveBigIntegerField()
    mime_type = models.CharField(max_length=100)
    file_expires_after = models.PositiveIntegerField(null=True, help_text="Seconds.")
    status = models.CharField(max_length=12, choices=Status, default=Status.PENDING)
    file = models.OneToOneField(
        StoredFile,
        null=True,
        on_delete=models.SET_NULL,
        related_name="upload",
        db_constraint=False,  # the database has a stricter one: same organisation
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(default=end_of_upload, editable=False)

    objects: ClassVar[models.Manager["Upload"]] = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return f"{self.filename} ({self.id})"

    @property
    def is_over(self) -> bool:
        return self.expires_at <= timezone.now()


class UploadPart(models.Model):
    id = models.CharField(primary_key=True, max_length=48, editable=False)  # part_…
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="parts")
    size = models.PositiveBigIntegerField()
    storage_name = models.CharField(max_length=120, unique=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at", "id"]

    def __str__(self) -> str:
        return self.id
