"""What the routes of conversations take, and what they answer."""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.errors import InvalidRequest
from inference.models import Conversation
from inference.schemas.fields import ShortText, Strict, at_most
from inference.schemas.responses.items import (
    InputItem,
    Item,
    ItemReference,
    new_item_id,
    stored,
)
from inference.schemas.responses.request import Label

MOST_AT_ONCE: Final = 20
Metadata = Annotated[dict[Label, ShortText], at_most(16)]
Items = Annotated[list[InputItem], Field(max_length=MOST_AT_ONCE, fail_fast=True)]


class ConversationCreate(Strict):
    items: Items | None = None
    metadata: Metadata | None = None


class ConversationUpdate(Strict):
    metadata: Metadata | None


class ItemsCreate(Strict):
    items: Annotated[Items, Field(min_length=1)]


class ConversationObject(BaseModel):
    id: str
    object: Literal["conversation"]
    created_at: int = Field(description="Seconds since 1970, UTC.")
    metadata: dict[str, str]


class DeletedConversation(BaseModel):
    id: str
    object: Literal["conversation.deleted"]
    deleted: bool


class ConversationItem(BaseModel):
    """In OpenAI's shapes: a message, a function call, its output, …"""

    model_config = ConfigDict(extra="allow")

    id: str
    type: str


class ItemList(BaseModel):
    object: Literal["list"]
    data: list[ConversationItem]
    has_more: bool
    first_id: str | None
    last_id: str | None


def as_stored(given: list[InputItem] | None) -> list[Item]:
    """In the long form, each with an id of its own. Raises InvalidRequest."""
    return [_as_stored(item, place) for place, item in enumerate(given or ())]


def shown(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "object": "conversation",
        "created_at": int(conversation.created_at.timestamp()),
        "metadata": conversation.metadata,
    }


def _as_stored(item: InputItem, place: int) -> Item:
    if isinstance(item, ItemReference):
        raise InvalidRequest(
            "A conversation holds items themselves. Send the item, not a reference to it.",
            param=f"items[{place}]",
            code="invalid_value",
        )
    return stored(item, new_item_id(item.type or "message"))


def described(schema: type[BaseModel]) -> dict[str, Any]:
    """For the API's description, where the items themselves stand with `POST /v1/responses`."""
    told = schema.model_json_schema(ref_template="#/components/schemas/{model}")
    told.pop("$defs", None)
    return told
