"""How many bytes an organisation's files take, and how many they may."""

from django.conf import settings
from django.db import models

from accounts.models import Organisation


class Space(models.Model):
    """`quota` null: the server's default. What is being received is counted from its beginning."""

    organisation = models.OneToOneField(
        Organisation, primary_key=True, on_delete=models.CASCADE, related_name="space"
    )
    used = models.PositiveBigIntegerField(default=0)
    quota = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Bytes; empty: the server's FILE_QUOTA_BYTES."
    )

    class Meta:
        verbose_name = "file space"

    def __str__(self) -> str:
        return f"{self.organisation_id}: {self.used:,} bytes"

    @property
    def allowed(self) -> int:
        """Bytes."""
        default: int = settings.FILE_QUOTA_BYTES
        return default if self.quota is None else self.quota
