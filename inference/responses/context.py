"""What a response goes on from: earlier responses or a conversation, and what it is asked with."""

from collections.abc import Sequence
from dataclasses import dataclass

from api.errors import InvalidRequest
from inference import conversations
from inference.responses import rows
from inference.responses.narration import INPUT_PLACES, id_of
from inference.responses.output import to_json
from inference.schemas.responses import InputItem, ResponseRequest, stored
from inference.schemas.responses.items import Item, ItemReference


@dataclass(frozen=True, slots=True)
class Context:
    """`given` are the request's own items, in the form in which they are stored."""

    earlier: Sequence[Item]
    given: list[Item]

    @property
    def items(self) -> list[Item]:
        return [*self.earlier, *self.given]


async def context_of(
    asked: ResponseRequest,
    organisation_id: str,
    response_id: str,
    earlier: Sequence[Item] | None = None,
) -> Context:
    """Raises InvalidRequest (unknown previous response or item), NotFound (conversation)."""
    if earlier is None:
        earlier = await _read(asked, organisation_id)
    given = await _given(asked.items, earlier, organisation_id, response_id)
    context = Context(earlier, given)
    _require_modest(context.items)
    return context


def _require_modest(items: Sequence[Item]) -> None:
    """A reference of a few bytes may stand for megabytes, and there may be thousands of them."""
    size = 0
    for item in items:
        size += len(to_json(item))
        if size > rows.MOST_SIZE:
            raise InvalidRequest(
                f"With what it goes on from, this request has more than {rows.MOST_SIZE:,} "
                "characters. Send less, or begin anew.",
                param="input",
                code="context_length_exceeded",
            )


async def _read(asked: ResponseRequest, organisation_id: str) -> Sequence[Item]:
    if asked.previous_response_id:
        return await rows.chain(organisation_id, asked.previous_response_id)
    if asked.conversation:
        return await conversations.items(organisation_id, asked.conversation.id, rows.MOST_SIZE)
    return []


async def _given(
    items: Sequence[InputItem], earlier: Sequence[Item], organisation_id: str, response_id: str
) -> list[Item]:
    """Every item under an id of its own, references replaced by what they stand for."""
    named = [item.id for item in items if isinstance(item, ItemReference)]
    found = {item["id"]: item for item in earlier if item["id"] in named}
    if unknown := [name for name in named if name not in found]:
        found |= await rows.items_named(organisation_id, unknown)
    given: list[Item] = []
    for place, item in enumerate(items):
        if isinstance(item, ItemReference):
            if item.id not in found:
                raise InvalidRequest(
                    f"Item with id '{item.id[:64]}' not found. Send the item itself.",
                    param=f"input[{place}].id",
                )
            plain = found[item.id]
            given.append({**plain, "id": _input_id(response_id, plain["type"], place)})
        else:
            new_id = _input_id(response_id, item.type or "message", place)
            given.append(stored(item, new_id))
    return given


def _input_id(response_id: str, kind: str, place: int) -> str:
    return id_of(response_id, kind, INPUT_PLACES + place)
