"""What inference keeps: the catalog, and answers that can be read again."""

from inference.models.conversation import Conversation, ConversationItem
from inference.models.response import Response
from inference.models.served import NAME_LENGTH, ModelAlias, ServedModel, ServedModelQuerySet
from inference.models.stored_completion import StoredCompletion

__all__ = [
    "NAME_LENGTH",
    "Conversation",
    "ConversationItem",
    "ModelAlias",
    "Response",
    "ServedModel",
    "ServedModelQuerySet",
    "StoredCompletion",
]
