"""The KV cache: one slot of a full context per sequence, copied between slots to stay compact.

`Cache` is what steps ask of any cache; the other one keeps its tokens in blocks (`paged`).
"""

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from transformers import PreTrainedConfig

PIECE = 64  # tokens that are kept together for prompts that begin alike


@dataclass(frozen=True, slots=True)
class CacheShape:
    """How many numbers one token keeps: layers x 2 x heads x width."""

    layers: int
    heads: int
    width: int

    @classmethod
    def of(cls, config: PreTrainedConfig) -> "CacheShape":
        width = getattr(config, "head_dim", None)
        return cls(
            layers=config.num_hidden_layers,
            heads=config.num_key_value_heads,
            width=width or config.hidden_size // config.num_attention_heads,
        )

    def bytes_per_token(self, dtype: torch.dtype) -> int:
        return self.layers * 2 * self.heads * self.width * dtype.itemsize


class Cache(Protocol):
    """Slots that sequences have, whatever a slot is. Used by the loop's thread alone.

    `table` says where a slot's pages of `page` tokens each are, `[slots + 1, pages]`, for kernels;
    `strides` are those of a token and of a head inside a page.
    """

    paged: bool  # tokens need more of it as they come, and it may be short of that
    piece: int  # tokens that are kept together for prompts that begin alike
    slots: int
    spare: int
    context: int
    heads: int
    width: int
    page: int
    strides: tuple[int, int]
    table: torch.Tensor
    dtype: torch.dtype
    device: torch.device
    bytes_per_token: int

    @property
    def tokens(self) -> int: ...
    def layer(self, index: int) -> tuple[torch.Tensor, torch.Tensor]: ...
    def settle(self) -> None: ...
    def has_room(self, tokens: int, known: int, rows: int) -> bool: ...
    def extend(self, slot: int, start: int, stop: int) -> bool: ...
    def move(self, source: int, target: int, length: int) -> None: ...
    def swap(self, one: int, other: int, length: int) -> None: ...
    def fork(self, source: int, target: int, length: int) -> None: ...
    def release(self, slot: int) -> None: ...
    def keep(self, slot: int, start: int) -> Any: ...
    def reuse(self, slot: int, start: int, piece: Any) -> None: ...
    def let_go(self, piece: Any) -> None: ...
    def get(self, slot: int, start: int, stop: int) -> torch.Tensor: ...
    def put(self, slot: int, start: int, some: torch.Tensor) -> None: ...
    def clear(self, slot: int, length: int) -> None: ...


class SlotCache:
    """Keys and values of a layer are `[slots, heads, context, width]` each.

    The slot after the last, `spare`, belongs to nobody: rows that only fill a batch up write there.
    """

    paged = False

    def __init__(
        self, shape: CacheShape, slots: int, context: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.slots = self.spare = slots
        self.context = context
        self.heads, self.width = shape.heads, shape.width
        self.page, self.piece = context, PIECE
        self.strides = shape.width, context * shape.width
        self.dtype, self.device = dtype, device
        size = (shape.layers, 2, slots + 1, shape.heads, context, shape.width)
        self._store = _zeros(size, dtype, device)
        self._layers = [(layer[0], layer[1]) for layer in self._store]
        self._tokens = self._store.view(shape.layers, -1, shape.width)
        both = torch.arange(2, device=device)[:, None] * ((slots + 1) * shape.heads * context)
        heads = torch.arange(shape.heads, device=device) * context
        self._offsets = (both + heads).flatten()
        self._slot_size = shape.heads * context
        self.bytes_per_token = shape.bytes_per_token(dtype)
        self.table = torch.arange(slots + 1, dtype=torch.int32, device=device)[:, None]

    @property
    def tokens(self) -> int:
        """How many it has room for."""
        return self.slots * self.context

    def layer(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        return self._layers[index]

    def rows(self, slots: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Where `write` puts the tokens of these slots at these positions."""
        first = slots * self._slot_size + positions
        return (first[:, None] + self._offsets).flatten()

    def write(
        self, index: int, keys: torch.Tensor, values: torch.Tensor, rows: torch.Tensor
    ) -> None:
        """Keys and values are `[tokens, heads, width]`."""
        both = torch.cat((keys, values), dim=1)
        self._tokens[index].index_copy_(0, rows, both.flatten(0, 1))

    def settle(self) -> None:
        """The device needs to know nothing new."""

    def has_room(self, tokens: int, known: int, rows: int) -> bool:
        return True

    def extend(self, slot: int, start: int, stop: int) -> bool:
        return True

    def move(self, source: int, target: int, length: int) -> None:
        self._store[:, :, target, :, :length] = self._store[:, :, source, :, :length]

    def swap(self, one: int, other: int, length: int) -> None:
        kept = self._store[:, :, one, :, :length].clone()
        self.move(other, one, length)
        self._store[:, :, other, :, :length] = kept

    fork = move

    def release(self, slot: int) -> None:
        """It is written over by whoever comes next."""

    def keep(self, slot: int, start: int) -> torch.Tensor:
        """A copy of a piece, for others to come."""
        return self.get(slot, start, start + self.piece)

    def reuse(self, slot: int, start: int, piece: torch.Tensor) -> None:
        self.put(slot, start, piece)

    def let_go(self, piece: torch.Tensor) -> None:
        """Its memory goes with it."""

    def get(self, slot: int, start: int, stop: int) -> torch.Tensor:
        """A copy of what all layers keep of these tokens."""
        return self._store[:, :, slot, :, start:stop].clone(memory_format=torch.contiguous_format)

    def put(self, slot: int, start: int, some: torch.Tensor) -> None:
        self._store[:, :, slot, :, start : start + some.shape[-2]] = some

    def clear(self, slot: int, length: int) -> None:
        """Forget numbers that may be NaN: masked attention still multiplies them by zero."""
        self._store[:, :, slot, :, :length] = 0


def _zeros(size: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    if device.type != "cpu":
        return torch.zeros(size, dtype=dtype, device=device)
    # numpy asks the system for zero pages, which take no memory until a token is written there.
    count = int(np.prod(size)) * dtype.itemsize
    return torch.from_numpy(np.zeros(count, dtype=np.uint8)).view(dtype).view(size)
