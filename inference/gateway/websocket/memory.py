"""What a connection remembers of its responses, so that turns go on from what nobody stored."""

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

from inference.responses.output import to_json
from inference.schemas.responses.items import Item

MOST_RESPONSES: Final = 64
MOST_SIZE: Final = 8 * 1024 * 1024  # characters of JSON, of one connection


class Memory:
    """Of each response every item up to its end; what was used longest ago goes first."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, tuple[Sequence[Item], int]] = OrderedDict()
        self._size = 0

    def items_of(self, response_id: str | None) -> Sequence[Item] | None:
        if response_id is None or response_id not in self._items:
            return None
        self._items.move_to_end(response_id)
        return self._items[response_id][0]

    def keep(self, response_id: str, items: Sequence[Item]) -> None:
        size = len(to_json(items))
        self._items[response_id] = (items, size)
        self._size += size
        while self._size > MOST_SIZE or len(self._items) > MOST_RESPONSES:
            _, (_, forgotten) = self._items.popitem(last=False)
            self._size -= forgotten
