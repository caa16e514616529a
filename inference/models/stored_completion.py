"""A chat completion that was asked to be stored (`store: true`)."""

from django.db import models

from inference.models.kept import Kept


class StoredCompletion(Kept):
    """`answer` is the chat completion as it was sent; `messages` are those of the request."""

    id = models.CharField(primary_key=True, max_length=48, editable=False)  # chatcmpl-…
    model = models.CharField(max_length=200)
    metadata = models.JSONField(default=dict)
    messages = models.JSONField()
    settings = models.JSONField(default=dict, help_text="The request's other fields.")
    answer = models.JSONField()

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["organisation", "created_at"])]

    def __str__(self) -> str:
        return self.id
