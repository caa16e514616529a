"""Room for bytes, taken before they come and given back when they go; never beyond a quota."""

from typing import Final

from django.conf import settings
from django.db.models import F, Q

from api.errors import StorageQuotaExceeded
from files.models import Space

MEGABYTE: Final = 1024 * 1024


def take(organisation_id: str, size: int) -> None:
    """Raises StorageQuotaExceeded."""
    Space.objects.get_or_create(organisation_id=organisation_id)
    by_default = Q(quota=None, used__lte=settings.FILE_QUOTA_BYTES - size)
    fits = by_default | Q(quota__gte=F("used") + size)
    if Space.objects.filter(fits, pk=organisation_id).update(used=F("used") + size):
        return
    space = Space.objects.get(pk=organisation_id)
    raise StorageQuotaExceeded(
        f"Your files take {space.used / MEGABYTE:,.1f} of {space.allowed / MEGABYTE:,.1f} MB; "
        f"{size / MEGABYTE:,.1f} MB more do not fit. Delete files that are not needed."
    )


def give_back(organisation_id: str, size: int) -> None:
    Space.objects.filter(pk=organisation_id).update(used=F("used") - size)
