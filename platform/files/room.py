"""Room for bytes, taken before they come and given back when they go; never beyond a quota."""

from typing import Final

from django.conf import settings
from django.db.models import F, Q
from django.utils.translation import gettext as _

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
    sizes = {"used": space.used, "allowed": space.allowed, "more": size}
    said = _(
        "Your files take %(used)s of %(allowed)s MB; %(more)s MB more do not fit. "
        "Delete files that are not needed."
    )
    raise StorageQuotaExceeded(said % {k: f"{n / MEGABYTE:,.1f}" for k, n in sizes.items()})


def give_back(organisation_id: str, size: int) -> None:
    Space.objects.filter(pk=organisation_id).update(used=F("used") - size)
