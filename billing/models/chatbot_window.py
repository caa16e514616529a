"""What a chatbot has spent and promised in one day or month."""

from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q

from accounts.models import Organisation


class ChatbotWindowQuerySet(models.QuerySet[Any]):
    def for_organisation(self, organisation_id: str) -> Self:
        return self.filter(organisation_id=organisation_id)


class ChatbotWindow(models.Model):
    """One half-open UTC period of one chatbot, written by billing/sql alone; the limits themselves
    come with each call."""

    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    chatbot_id = models.CharField(max_length=40)
    period = models.CharField(max_length=5)
    starts_at = models.DateTimeField()
    spent = models.BigIntegerField(default=0)
    held = models.BigIntegerField(default=0)

    objects: ClassVar[models.Manager[Any]] = ChatbotWindowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["chatbot_id", "period", "starts_at"], name="one_chatbot_window_each_period"
            ),
            models.CheckConstraint(
                condition=Q(period__in=["day", "month"], held__gte=0),
                name="chatbot_window_is_sane",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.chatbot_id}, {self.period} from {self.starts_at:%Y-%m-%d}"
