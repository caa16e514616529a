"""One message of a conversation: a question, or an answer with all that is known of its making."""

from typing import Any, ClassVar, Final

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Left

from api import ids
from chatbots.models.conversation import Conversation
from chatbots.models.scoped import Scoped, ScopedQuerySet

SEARCHED: Final = 50_000  # characters of a message


def new_message_id() -> str:
    return ids.new("msg")


class Message(Scoped):
    """A question and its answer share `response_id`; `event_id` stands on the question.

    `touched_at` moves every second while the answer is made: one that rests has lost its process.
    """

    class Role(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"

    class Status(models.TextChoices):
        IN_PROGRESS = "in_progress"
        COMPLETED = "completed"
        INCOMPLETE = "incomplete"
        FAILED = "failed"

    class Feedback(models.TextChoices):
        UP = "up"
        DOWN = "down"

    id = models.CharField(primary_key=True, max_length=40, default=new_message_id, editable=False)
    conversation = models.ForeignKey(
        Conversation, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False,
        db_index=False,
    )  # fmt: skip
    place = models.PositiveIntegerField(help_text="In its conversation, from 1.")
    role = models.CharField(max_length=9, choices=Role)
    text = models.TextField(blank=True)
    words = models.GeneratedField(
        expression=SearchVector(Left("text", SEARCHED), config="simple"),
        output_field=SearchVectorField(),
        db_persist=True,
    )
    status = models.CharField(max_length=11, choices=Status, default=Status.COMPLETED)
    response_id = models.CharField(max_length=40, blank=True)
    event_id = models.CharField(max_length=255, null=True)  # noqa: DJ001 - null: not given, so not unique
    version = models.PositiveIntegerField(null=True, help_text="Null: it was the draft.")
    model = models.CharField(max_length=200, blank=True)
    body = models.JSONField(null=True, help_text="The response object.")
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0)
    cost_nano = models.BigIntegerField(default=0)
    first_token_ms = models.PositiveIntegerField(null=True)
    total_ms = models.PositiveIntegerField(null=True)
    finish_reason = models.CharField(max_length=20, blank=True)
    error_code = models.CharField(max_length=60, blank=True)
    sources = models.JSONField(default=list)
    request_id = models.CharField(max_length=40, blank=True)
    feedback = models.CharField(max_length=4, choices=Feedback, null=True)  # noqa: DJ001 - null: none given
    feedback_comment = models.CharField(max_length=2000, blank=True)
    events = models.PositiveIntegerField(default=0, help_text="Told so far, `text` included.")
    cancel_asked = models.BooleanField(default=False)
    heard_at = models.DateTimeField(null=True, help_text="By readers in other processes.")
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Any]] = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["place"]
        constraints = [
            models.UniqueConstraint(fields=["conversation", "place"], name="messages_are_in_order"),
            models.UniqueConstraint(fields=["conversation", "event_id"], name="an_event_once"),
            models.UniqueConstraint(
                fields=["conversation"],
                condition=Q(status="in_progress"),
                name="one_answer_at_once",
            ),
        ]
        indexes = [
            models.Index(
                fields=["response_id"], condition=~Q(response_id=""), name="message_by_response"
            ),
            models.Index(
                fields=["touched_at"], condition=Q(status="in_progress"), name="answers_in_making"
            ),
            models.Index(fields=["created_at"], name="message_age"),
            models.Index(
                fields=["organisation", "created_at"],
                condition=Q(feedback__isnull=False),
                name="messages_rated",
            ),
            models.Index(
                fields=["organisation", "created_at"],
                condition=Q(status__in=["failed", "incomplete"]),
                name="messages_failed",
            ),
            GinIndex(fields=["words"], name="message_words"),
        ]

    def __str__(self) -> str:
        return f"{self.id} ({self.role})"
