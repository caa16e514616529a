"""What a key has spent and promised in one period of its budget."""

from django.db import models
from django.db.models import Q

from accounts.models import APIKey, Organisation


class BudgetWindow(models.Model):
    """One half-open UTC period of one key; the limit itself stands on the key and may change.

    Made by the key's first call in the period, starting with what the key has paid in it so far.
    """

    id = models.BigAutoField(primary_key=True)
    # db_constraint=False here and in the other tables: composite keys (sql/tenancy.sql) say more.
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="+", db_constraint=False
    )
    key = models.ForeignKey(
        APIKey, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    period = models.CharField(max_length=5)
    starts_at = models.DateTimeField()
    spent = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key", "period", "starts_at"], name="one_window_each_period"
            ),
            models.UniqueConstraint(fields=["organisation", "id"], name="window_of_organisation"),
            models.CheckConstraint(
                condition=Q(period__in=["day", "month", "total"], held__gte=0),
                name="budget_window_is_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key_id}, {self.period} from {self.starts_at:%Y-%m-%d}"
