"""What all views of chatbots share: who asks, which chatbot is meant."""

from typing import Final

from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request

from accounts.actor import Actor
from accounts.authentication import caller_of
from api.pagination import MAX_LIMIT
from chatbots import making
from chatbots.author import Author
from chatbots.models import Chatbot

READ, WRITE = "chatbots:read", "chatbots:write"
TAGS: Final = ["chatbots"]
PAGING: Final = [
    OpenApiParameter("limit", int, description=f"1 to {MAX_LIMIT}; 20."),
    OpenApiParameter("after", str, description="An id of the list: those behind it."),
    OpenApiParameter("before", str, description="An id of the list: those in front of it."),
    OpenApiParameter("order", str, enum=["asc", "desc"], description="desc: the newest first."),
]


def organisation_of(request: Request, scope: str) -> str:
    """Raises Forbidden without the scope."""
    caller = caller_of(request)
    caller.require(scope)
    return caller.organisation_id


def chatbot_of(request: Request, name: str, scope: str) -> Chatbot:
    """Raises Forbidden, NotFound."""
    return making.find(organisation_of(request, scope), name)


def author_of(request: Request) -> Author:
    return Author.of(Actor.of(request))
