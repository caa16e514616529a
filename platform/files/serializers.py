"""Shapes of files and uploads in the API: OpenAI's."""

from datetime import datetime, timedelta
from typing import Any, Final

from rest_framework import serializers

from accounts.serializers import StrictSerializer
from files.kinds import LONGEST_NAME
from files.models import StoredFile, Upload
from files.models.stored_file import GIVEN

Purpose = StoredFile.Purpose
HOUR, MONTH = 3600, 30 * 24 * 3600
LARGEST_UPLOAD: Final = 8 * 1024**3
MOST_PART_IDS: Final = 10_000


class EpochField(serializers.IntegerField):
    """Seconds since 1970 (UTC)."""

    def to_representation(self, value: datetime | int) -> int:
        return int(value.timestamp()) if isinstance(value, datetime) else value


class FileSerializer(serializers.Serializer[StoredFile]):
    id = serializers.CharField()
    object = serializers.CharField(default="file", read_only=True)
    bytes = serializers.IntegerField(source="size")
    created_at = EpochField()
    expires_at = EpochField(required=False)
    filename = serializers.CharField()
    purpose = serializers.ChoiceField(Purpose.choices)
    status = serializers.CharField(default="processed", read_only=True)

    def to_representation(self, instance: StoredFile) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return {name: value for name, value in shown.items() if value is not None}


class ExpiresAfterSerializer(StrictSerializer):
    anchor = serializers.ChoiceField(["created_at"])
    seconds = serializers.IntegerField(min_value=HOUR, max_value=MONTH)


class NewFileSerializer(StrictSerializer):
    """multipart/form-data; `expires_after[anchor]` and `expires_after[seconds]` as own fields."""

    file = serializers.FileField(allow_empty_file=True, max_length=None)
    purpose = serializers.ChoiceField(GIVEN)
    expires_after = ExpiresAfterSerializer(required=False)


class DeletedFileSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.CharField(default="file", read_only=True)
    deleted = serializers.BooleanField(default=True, read_only=True)


class UploadSerializer(serializers.Serializer[Upload]):
    id = serializers.CharField()
    object = serializers.CharField(default="upload", read_only=True)
    bytes = serializers.IntegerField(source="size")
    created_at = EpochField()
    expires_at = EpochField()
    filename = serializers.CharField()
    purpose = serializers.CharField()
    status = serializers.ChoiceField(Upload.Status.choices)
    file = FileSerializer(allow_null=True)


class NewUploadSerializer(StrictSerializer):
    bytes = serializers.IntegerField(min_value=1, max_value=LARGEST_UPLOAD)
    filename = serializers.CharField(max_length=LONGEST_NAME)
    mime_type = serializers.CharField(max_length=100)
    purpose = serializers.ChoiceField(GIVEN)
    expires_after = ExpiresAfterSerializer(required=False, allow_null=True)


class NewPartSerializer(StrictSerializer):
    data = serializers.FileField(max_length=None)  # type: ignore[assignment]  # the wire's name, which DRF uses for its own


class PartSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    object = serializers.CharField(default="upload.part", read_only=True)
    created_at = EpochField()
    upload_id = serializers.CharField()


class FinishedPartsSerializer(StrictSerializer):
    part_ids = serializers.ListField(
        child=serializers.CharField(max_length=48), min_length=1, max_length=MOST_PART_IDS
    )
    md5 = serializers.RegexField("^[0-9a-fA-F]{32}$", required=False, allow_null=True)


def seconds_of(expires_after: dict[str, Any] | None) -> timedelta | None:
    return timedelta(seconds=expires_after["seconds"]) if expires_after else None
