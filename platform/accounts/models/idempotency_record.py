"""One Idempotency-Key of one organisation: who works on it, or the answer to give again."""

from typing import ClassVar

from django.db import models

from accounts.models.organisation import Organisation
from api import ids


def new_idempotency_id() -> str:
    return ids.new("idem")


class IdempotencyRecord(models.Model):
    class State(models.TextChoices):
        RUNNING = "running"
        FINISHED = "finished"
        LOST = "lost"  # charged, but its process died with the answer, or its owner deleted it

    id = models.CharField(
        primary_key=True, max_length=40, default=new_idempotency_id, editable=False
    )
    organisation = models.ForeignKey(Organisation, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    hold_id = models.CharField(max_length=40, unique=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.RUNNING)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(null=True)
    body = models.BinaryField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(db_index=True)

    objects: ClassVar[models.Manager["IdempotencyRecord"]] = models.Manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organisation", "key"], name="one_record_each_key"),
            models.CheckConstraint(
                condition=~models.Q(state="finished")
                | models.Q(status__isnull=False, headers__isnull=False, body__isnull=False),
                name="finished_records_have_an_answer",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} ({self.state})"
