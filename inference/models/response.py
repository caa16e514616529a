"""A stored response: what was asked, what was answered, and what it goes on from."""

from django.db import models
from django.db.models import Q

from inference.models.conversation import Conversation
from inference.models.kept import Kept


class Response(Kept):
    """`body` is the response object as clients get it; `input` the items that it was asked with.

    The row of a response in the background is there before it runs, every other from its end on.
    What came before is not copied: it stands in the chain of `previous_id`, or in the conversation.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        IN_PROGRESS = "in_progress"
        COMPLETED = "completed"
        INCOMPLETE = "incomplete"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = models.CharField(primary_key=True, max_length=48, editable=False)  # resp_…
    status = models.CharField(max_length=16, choices=Status)
    model = models.CharField(max_length=200)
    background = models.BooleanField(default=False)
    # Not a foreign key: deleting an answer does not take along those that go on from it.
    previous_id = models.CharField(max_length=48, blank=True)
    conversation = models.ForeignKey(
        Conversation,
        null=True,
        on_delete=models.SET_NULL,
        related_name="+",
        db_constraint=False,  # the database has a stricter one: same organisation
    )
    input = models.JSONField()
    body = models.JSONField()

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [
            models.Index(fields=["organisation", "created_at"]),
            models.Index(
                fields=["created_at"],
                name="responses_not_done",
                condition=Q(status__in=("queued", "in_progress")),
            ),
        ]

    def __str__(self) -> str:
        return self.id
