"""What nobody needs any more: expired files, uploads whose hour is over, and what crashes left."""

from datetime import timedelta
from typing import Final

from django.db import transaction
from django.utils import timezone

from files import receiving, uploading
from files.models import StoredFile, Upload

AT_ONCE: Final = 100
RECEIVED_WITHIN: Final = timedelta(hours=2)


def clean() -> int:
    """How many files and uploads went."""
    abandoned = StoredFile.objects.filter(
        complete=False, created_at__lt=timezone.now() - RECEIVED_WITHIN
    )
    gone = [*StoredFile.objects.all().expired()[:AT_ONCE], *abandoned[:AT_ONCE]]
    for stored in gone:
        receiving.forget(stored)
    return len(gone) + _end_uploads()


def _end_uploads() -> int:
    ended = 0
    for upload_id in list(Upload.objects.all().over().values_list("pk", flat=True)[:AT_ONCE]):
        with transaction.atomic():
            locked = Upload.objects.all().over().select_for_update(skip_locked=True)
            if upload := locked.filter(pk=upload_id).first():
                uploading.end(upload, Upload.Status.EXPIRED)
                ended += 1
    return ended
