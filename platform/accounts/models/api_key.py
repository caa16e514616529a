"""An API key as stored: its digest, what it may do, how much, how long and from where."""

from datetime import datetime
from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from accounts.models.organisation import Organisation
from accounts.models.user import User
from api import ids


def new_api_key_id() -> str:
    return ids.new("key")


class APIKeyQuerySet(models.QuerySet["APIKey"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)

    def usable(self) -> Self:
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), revoked_at=None)


class APIKey(models.Model):
    class Kind(models.TextChoices):
        SECRET = "secret"  # noqa: S105 - the kind of a key, not a key
        PUBLISHABLE = "publishable"

    class BudgetPeriod(models.TextChoices):
        DAY = "day"
        MONTH = "month"
        TOTAL = "total"

    id = models.CharField(primary_key=True, max_length=40, default=new_api_key_id, editable=False)
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="api_keys"
    )
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=16, choices=Kind.choices, default=Kind.SECRET)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    prefix = models.CharField(max_length=12, editable=False)
    last4 = models.CharField(max_length=4, editable=False)

    scopes = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    allowed_models = ArrayField(models.CharField(max_length=200), null=True, blank=True)
    cidrs = ArrayField(models.CharField(max_length=43), default=list, blank=True)
    requests_per_minute = models.PositiveIntegerField(default=60)
    tokens_per_minute = models.PositiveBigIntegerField(default=150_000)
    budget_nano = models.BigIntegerField(null=True, blank=True)
    budget_period = models.CharField(  # noqa: DJ001 - null together with budget_nano: no budget
        max_length=8, choices=BudgetPeriod.choices, null=True, blank=True
    )

    # Without a creator a key stands for itself; with one it never outlives or outranks them.
    created_by = models.ForeignKey(
        User, on_delete=models.PROTECT, null=True, blank=True, related_name="api_keys"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_from = models.CharField(
        max_length=45, blank=True, editable=False, help_text="The address."
    )
    last_used_by = models.CharField(
        max_length=200, blank=True, editable=False, help_text="What the program calls itself."
    )
    replaced_by = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="replaces"
    )
    # The first of the keys that were rotated into this one; null: it is the first.
    origin = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, editable=False, related_name="descendants"
    )

    objects: ClassVar[models.Manager["APIKey"]] = APIKeyQuerySet.as_manager()

    class Meta:
        verbose_name = "API key"
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["organisation", "-created_at", "id"], name="key_listing")]
        constraints = [
            # Composite foreign keys point here, so that no row can name a stranger's key.
            models.UniqueConstraint(fields=["organisation", "id"], name="key_of_organisation"),
            models.CheckConstraint(
                condition=Q(requests_per_minute__gte=1, tokens_per_minute__gte=1),
                name="key_limits_are_positive",
            ),
            models.CheckConstraint(
                condition=Q(budget_nano=None, budget_period=None)
                | Q(budget_nano__gte=0, budget_period__in=["day", "month", "total"]),
                name="key_budget_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(kind="secret") | Q(kind="publishable", scopes=[]),
                name="publishable_keys_have_no_scopes",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.redacted})"

    @property
    def meter_id(self) -> str:
        """Where limits and budgets count: one meter for a key and all that it is rotated into."""
        return self.origin_id or self.id

    @property
    def redacted(self) -> str:
        """How the key may be shown: `sk-Ab12…wXyZ`."""
        return f"{self.prefix}…{self.last4}"

    def is_usable(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)
