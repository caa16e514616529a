"""An organisation's stored chat completions: which there are, one of them, its labels, its end."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts import idempotency
from api.errors import NotFound
from inference.models import StoredCompletion


def of(
    organisation_id: str, *, model: str | None, metadata: Mapping[str, str]
) -> QuerySet[StoredCompletion]:
    """Those of this model, if one is named, that have all these labels."""
    found: QuerySet[StoredCompletion] = StoredCompletion.objects.for_organisation(organisation_id)
    if model is not None:
        found = found.filter(model=model)
    return found.filter(metadata__contains=dict(metadata)) if metadata else found


def find(organisation_id: str, completion_id: str) -> StoredCompletion:
    """Raises NotFound."""
    mine = StoredCompletion.objects.for_organisation(organisation_id)
    found: StoredCompletion | None = mine.filter(pk=completion_id).first()
    if found is None:
        raise _unknown(completion_id)
    return found


def label(organisation_id: str, completion_id: str, metadata: Mapping[str, str]) -> None:
    """Replace the metadata. Raises NotFound."""
    mine = StoredCompletion.objects.for_organisation(organisation_id).filter(pk=completion_id)
    if not mine.update(metadata=dict(metadata)):
        raise _unknown(completion_id)


@transaction.atomic
def delete(organisation_id: str, completion_id: str) -> None:
    """And what a retry of its call would get. Raises NotFound."""
    mine = StoredCompletion.objects.for_organisation(organisation_id).filter(pk=completion_id)
    deleted, _ = mine.delete()
    if not deleted:
        raise _unknown(completion_id)
    idempotency.forget(organisation_id, completion_id.replace("chatcmpl-", "gen_", 1))


def messages(completion: StoredCompletion) -> list[dict[str, Any]]:
    """Those of the request, each with an id of its own, in OpenAI's shape."""
    return [
        _message(f"{completion.id}-{place}", message)
        for place, message in enumerate(completion.messages)
    ]


def _message(message_id: str, message: Mapping[str, Any]) -> dict[str, Any]:
    """Content that was given in parts stands in both forms: together as text, and as it came."""
    content, parts = message.get("content"), None
    if isinstance(content, list):
        parts = content
        content = "\n".join(part.get("text") or part.get("refusal") or "" for part in parts)
    calls = {
        name: message[name]
        for name in ("tool_calls", "tool_call_id", "function_call")
        if message.get(name) is not None
    }
    return {
        "id": message_id,
        "role": message["role"],
        "content": content,
        "content_parts": parts,
        "name": message.get("name"),
        "refusal": message.get("refusal"),
        **calls,
    }


def _unknown(completion_id: str) -> NotFound:
    return NotFound(
        f"There is no stored chat completion with the id '{completion_id[:64]}'. "
        "Only those made with store: true are kept, for 30 days.",
        hint="List yours with GET /v1/chat/completions.",
    )
