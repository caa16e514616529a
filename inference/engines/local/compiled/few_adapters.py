"""The adapters of a few rows, as compiled code is told of them."""

from collections.abc import Sequence as Rows

import numpy as np
import numpy.typing as npt

from inference.engines.local.adapters import Adapter
from inference.engines.local.compiled import layout
from inference.engines.local.compiled.pieces import BLOCK
from inference.engines.local.linears import Part
from inference.engines.local.packed_layers import Layer

Numbers = npt.NDArray[np.int64]
NOBODY = np.zeros(0, np.int64), np.zeros((0, 0, 0, 0), np.int64)


def can(adapter: Adapter | None) -> bool:
    """Whether the compiled code's loops fit its rank."""
    return adapter is None or (adapter.rank % BLOCK == 0 and 0 < adapter.rank <= layout.MOST_NARROW)


class FewAdapters:
    """Keeps what it was told last, and the adapters of it: addresses point to them."""

    def __init__(self, layers: Rows[Layer]) -> None:
        parts = [(each.qkv, each.out, each.gate_up, each.down) for each in layers]
        self._parts: list[list[Part]] = [
            [part for linear in linears for part in linear.parts] for linears in parts
        ]
        self._owners: list[Adapter | None] = []
        self._told = NOBODY

    def told(self, owners: list[Adapter | None]) -> tuple[Numbers, Numbers]:
        """`Work.ranks` and `Work.adapters` of these rows."""
        if owners != self._owners:
            places = {owner: self._places(owner) for owner in set(owners)}
            ranks = [owner.rank if owner else 0 for owner in owners]
            adapters = np.stack([places[owner] for owner in owners])
            self._owners = owners
            self._told = (np.array(ranks, np.int64), adapters) if any(owners) else NOBODY
        return self._told

    def _places(self, adapter: Adapter | None) -> Numbers:
        places = np.zeros((len(self._parts), len(layout.PARTS), 2), np.int64)
        for layer, parts in enumerate(self._parts):
            for number, part in enumerate(parts):
                if adapter and part.name in adapter.layers:
                    narrowing, widening = adapter.layers[part.name]
                    places[layer, number] = narrowing.data_ptr(), widening.data_ptr()
        return places
