"""The KV cache in blocks: a slot has as many as its tokens need, and some of them with others.

A table says where a slot's blocks are. It lies on the device, where recordings read it; changes are
collected and sent before the next step (`settle`).
"""

from collections.abc import Callable

import torch

from inference.engines.local.blocks import Blocks
from inference.engines.local.kv import CacheShape
from inference.engines.local.uploads import upload

BLOCK = 16  # tokens


class PagedCache:
    """Keys and values of a layer are `[blocks, BLOCK, heads, width]` each.

    The slot and the block after the last, `spare`, belong to nobody: rows that only fill a batch up
    write there. Used by the loop's thread alone.
    """

    paged = True
    piece = BLOCK

    def __init__(
        self,
        shape: CacheShape,
        slots: int,
        blocks: int,
        context: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.slots = self.spare = slots
        self.context, self.heads, self.width = context, shape.heads, shape.width
        self.dtype, self.device = dtype, device
        self.blocks = Blocks(blocks)
        self.page = BLOCK
        self.strides = shape.heads * shape.width, shape.width  # of a token, and of a head
        self.bytes_per_token = shape.bytes_per_token(dtype)
        size = (shape.layers, 2, blocks + 1, BLOCK, shape.heads, shape.width)
        self._store = torch.zeros(size, dtype=dtype, device=device)
        self._layers = [(layer[0], layer[1]) for layer in self._store]
        self._tokens = [(keys.flatten(0, 1), values.flatten(0, 1)) for keys, values in self._layers]
        self.columns = blocks_of(context)
        self.table = torch.full((slots + 1, self.columns), blocks, dtype=torch.int32, device=device)
        self._own: list[list[int]] = [[] for _ in range(slots)]  # the table, as the host knows it
        self._writable = [0] * slots  # up to which token a slot's last block is its alone
        self._changes: dict[int, int] = {}  # of the table that the device does not know yet
        self.forget: Callable[[], None] | None = None  # lets go of one idle block

    @property
    def tokens(self) -> int:
        """How many it has room for."""
        return self.blocks.count * BLOCK

    def layer(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self._layers[index]

    def layer_tokens(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """The same as `[places, heads, width]`."""
        return self._tokens[index]

    def places(self, slots: torch.Tensor | int, positions: torch.Tensor) -> torch.Tensor:
        """Where the tokens of these slots (or this one) at these positions are, on the device."""
        blocks = self.table[slots, positions // BLOCK]
        return blocks.long() * BLOCK + positions % BLOCK

    def write(
        self, index: int, keys: torch.Tensor, values: torch.Tensor, places: torch.Tensor
    ) -> None:
        """Keys and values are `[tokens, heads, width]`."""
        own_keys, own_values = self._tokens[index]
        own_keys.index_copy_(0, places, keys)
        own_values.index_copy_(0, places, values)

    def settle(self) -> None:
        """Tell the device what has changed in the table."""
        if not self._changes:
            return
        changes = [list(self._changes), list(self._changes.values())]
        self._changes.clear()
        where, blocks = upload(changes, self.device)
        self.table.view(-1).index_copy_(0, where, blocks.int())

    def has_room(self, tokens: int, known: int, rows: int) -> bool:
        """For so many, of which the blocks of the first `known` are used by others, too; and for
        another block of so many rows."""
        return blocks_of(tokens) - known // BLOCK + rows <= self.blocks.available

    def extend(self, slot: int, start: int, stop: int) -> bool:
        """Have the slot write tokens from `start`, up to which it is filled, to `stop`: into new
        blocks, and a copy of what it shares. False, and nothing has happened: there are none."""
        if stop <= self._writable[slot]:
            return True
        own, first = self._own[slot], start // BLOCK
        shared = [n for n in range(first, len(own)) if not self.blocks.is_own(own[n])]
        new = blocks_of(stop) - len(own)
        if len(shared) + new > self.blocks.available:
            return False
        for number in shared:
            self._replace(slot, number)
        for _ in range(new):
            self._append(slot, self._taken())
        self._writable[slot] = len(own) * BLOCK
        return True

    def move(self, source: int, target: int, length: int) -> None:
        """All that a slot has goes to one that has nothing."""
        self.swap(source, target, length)

    def swap(self, one: int, other: int, length: int) -> None:
        own, writable = self._own, self._writable
        own[one], own[other] = own[other], own[one]
        writable[one], writable[other] = writable[other], writable[one]
        for slot in (one, other):
            self._tell(slot)

    def fork(self, source: int, target: int, length: int) -> None:
        """Have an empty slot what another one has; whoever writes first makes a copy."""
        self._writable[source] = 0
        for block in self._own[source]:
            self.blocks.share(block)
            self._append(target, block)

    def release(self, slot: int) -> None:
        """It has nothing any more."""
        for block in self._own[slot]:
            self.blocks.leave(block)
        self._own[slot] = []
        self._writable[slot] = 0

    def keep(self, slot: int, start: int) -> int:
        """The full block that begins at this token, for others to come."""
        block = self._own[slot][start // BLOCK]
        self.blocks.keep(block)
        return block

    def reuse(self, slot: int, start: int, block: int) -> None:
        """Append a block that is kept."""
        self.blocks.share(block)
        self._append(slot, block)

    def let_go(self, block: int) -> None:
        self.blocks.let_go(block)

    def is_used(self, block: int) -> bool:
        return self.blocks.is_used(block)

    def get(self, slot: int, start: int, stop: int) -> torch.Tensor:
        """A copy of what all layers keep of these tokens of a slot."""
        return self._flat()[:, :, self._known(slot, start, stop)]

    def put(self, slot: int, start: int, some: torch.Tensor) -> None:
        self._flat()[:, :, self._known(slot, start, start + some.shape[2])] = some

    def clear(self, slot: int, length: int) -> None:
        """Forget numbers that may be NaN, in what is the slot's alone."""
        if own := [block for block in self._own[slot] if self.blocks.is_own(block)]:
            self._store[:, :, upload(own, self.device, torch.long)] = 0

    def _flat(self) -> torch.Tensor:
        return self._store.flatten(2, 3)

    def _known(self, slot: int, start: int, stop: int) -> torch.Tensor:
        own = self._own[slot]
        numbers = [own[n // BLOCK] * BLOCK + n % BLOCK for n in range(start, stop)]
        return upload(numbers, self.device, torch.long)

    def _replace(self, slot: int, number: int) -> None:
        """A shared block by a copy."""
        old, new = self._own[slot][number], self._taken()
        self._store[:, :, new] = self._store[:, :, old]
        self.blocks.leave(old)
        self._own[slot][number] = new
        self._changes[slot * self.columns + number] = new

    def _append(self, slot: int, block: int) -> None:
        own = self._own[slot]
        self._changes[slot * self.columns + len(own)] = block
        own.append(block)

    def _tell(self, slot: int) -> None:
        first = slot * self.columns
        for number, block in enumerate(self._own[slot]):
            self._changes[first + number] = block

    def _taken(self) -> int:
        if not self.blocks.free and self.forget:
            self.forget()
        return self.blocks.take()


def blocks_of(tokens: int) -> int:
    return -(-tokens // BLOCK)
