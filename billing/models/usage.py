"""Usage by day: a roll-up of closed holds that can be thrown away and made again."""

from typing import ClassVar, Self

from django.db import models

from accounts.models import APIKey, Organisation


class UsageDailyQuerySet(models.QuerySet["UsageDaily"]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)


class UsageDaily(models.Model):
    """Sums of one finished UTC day; days from the watermark on are summed from the holds."""

    organisation = models.ForeignKey(
        Organisation, on_delete=models.CASCADE, related_name="+", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    key = models.ForeignKey(
        APIKey, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False,
        null=True,
    )  # fmt: skip
    chatbot_id = models.CharField(max_length=40, null=True)  # noqa: DJ001 - null: no chatbot
    model = models.CharField(max_length=200)
    day = models.DateField()
    requests = models.BigIntegerField()
    prompt_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()
    completion_tokens = models.BigIntegerField()
    charged = models.BigIntegerField()

    objects: ClassVar[models.Manager["UsageDaily"]] = UsageDailyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "usage by day"
        constraints = [
            models.UniqueConstraint(
                fields=["organisation", "day", "key", "chatbot_id", "model"],
                nulls_distinct=False,
                name="one_sum_each_day",
            )
        ]

    def __str__(self) -> str:
        return f"{self.organisation_id} {self.day} {self.model}"


class UsageWatermark(models.Model):
    """One row: every day before `day` stands in UsageDaily, the others do not."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    day = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="one_watermark"),
        ]

    def __str__(self) -> str:
        return str(self.day)
