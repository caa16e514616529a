"""The KV cache: one slot of a full context per sequence, copied between slots to stay compact."""

from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedConfig


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


class SlotCache:
    """Keys and values of a layer are `[slots, heads, context, width]` each.

    The slot after the last, `spare`, belongs to nobody: rows that only fill a batch up write there.
    """

    def __init__(
        self, shape: CacheShape, slots: int, context: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.slots = self.spare = slots
        self.context = context
        self.heads = shape.heads
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

    def get(self, slot: int, start: int, stop: int) -> torch.Tensor:
        """A copy of what all layers keep of these tokens."""
        return self._store[:, :, slot, :, start:stop].clone(memory_format=torch.contiguous_format)

    def put(self, slot: int, start: int, block: torch.Tensor) -> None:
        self._store[:, :, slot, :, start : start + block.shape[-2]] = block

    def copy(self, source: int, target: int, length: int) -> None:
        self._store[:, :, target, :, :length] = self._store[:, :, source, :, :length]

    def swap(self, one: int, other: int, length: int) -> None:
        kept = self._store[:, :, one, :, :length].clone()
        self.copy(other, one, length)
        self._store[:, :, other, :, :length] = kept

    def clear(self, slot: int, length: int) -> None:
        """Forget numbers that may be NaN: masked attention still multiplies them by zero."""
        self._store[:, :, slot, :, :length] = 0


def _zeros(size: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    if device.type != "cpu":
        return torch.zeros(size, dtype=dtype, device=device)
    # numpy asks the system for zero pages, which take no memory until a token is written there.
    count = int(np.prod(size)) * dtype.itemsize
    return torch.from_numpy(np.zeros(count, dtype=np.uint8)).view(dtype).view(size)
