"""An organisation: the tenant that owns keys, money and everything made with them."""

from django.db import models

from accounts import names
from api import ids


def new_organisation_id() -> str:
    return ids.new("org")


class Organisation(models.Model):
    id = models.CharField(
        primary_key=True, max_length=40, default=new_organisation_id, editable=False
    )
    name = models.CharField(max_length=names.LONGEST, validators=[names.require_name])
    slug = models.SlugField(max_length=60, unique=True)
    default_model = models.CharField(  # noqa: DJ001 - null is "the platform's default", "" is no name
        max_length=names.LONGEST_MODEL,
        null=True,
        blank=True,
        validators=[names.require_model_name],
        help_text="Model of calls that name none.",
    )
    suspended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return self.name
