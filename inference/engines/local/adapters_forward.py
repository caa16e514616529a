"""Adapters in a packed step: rows of different adapters, and of none, in the same products.

The adapters of a step lie side by side as columns of one matrix a layer, and every token keeps the
columns of its own. So a layer costs two products more, however many adapters there are, and tokens
without one get exactly zero added.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch

from inference.engines.local.adapters import Adapter


class _Layer(NamedTuple):
    """`down` [in, columns], `up` [columns, out]; `layout` numbers whose columns lie where."""

    down: torch.Tensor
    up: torch.Tensor
    layout: int


class Stack:
    """Some adapters side by side, made once for as long as the same ones run."""

    def __init__(self, members: Sequence[Adapter]) -> None:
        self.places = {adapter: place for place, adapter in enumerate(members)}
        self.layers: dict[str, _Layer] = {}
        self._owners: dict[tuple[int, ...], int] = {}
        for name in sorted({name for adapter in members for name in adapter.layers}):
            self.layers[name] = self._side_by_side(name)

    def hidden(self, rows: torch.Tensor) -> list[torch.Tensor]:
        """For each layout: the columns that are not of the token's own adapter."""
        made = [torch.tensor(owners, device=rows.device) for owners in self._owners]
        return [rows[:, None] != owners[None] for owners in made]

    def _side_by_side(self, name: str) -> _Layer:
        parts = [(a.layers[name], place) for a, place in self.places.items() if name in a.layers]
        owners = tuple(place for (down, _), place in parts for _ in range(down.shape[0]))
        return _Layer(
            torch.cat([down for (down, _), _ in parts]).T,
            torch.cat([up for (_, up), _ in parts]),
            self._owners.setdefault(owners, len(self._owners)),
        )


class AdaptedStep(NamedTuple):
    """Adds what the adapters of a step's tokens say to what the layers say."""

    layers: Mapping[str, _Layer]
    hidden: list[torch.Tensor]

    def of(self, tokens: torch.Tensor) -> "AdaptedStep":
        """The same for some of the step's tokens."""
        return AdaptedStep(self.layers, [each[tokens] for each in self.hidden])

    def add(self, name: str, inputs: torch.Tensor, output: torch.Tensor) -> None:
        """`output` of the model's layer `name`, `[tokens, outputs]`, is changed in place."""
        layer = self.layers.get(name)
        if layer is None:
            return
        inner = inputs @ layer.down
        inner.masked_fill_(self.hidden[layer.layout], 0)
        output.addmm_(inner, layer.up)


class Stacks:
    """Used by the loop's thread alone."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stack = Stack(())

    def step(self, owners: Sequence[Adapter | None]) -> AdaptedStep | None:
        """`owners` names the adapter of each token. None: there is none."""
        wanted = list(dict.fromkeys(owner for owner in owners if owner))
        if not wanted:
            return None
        known = self._stack.places
        # The last stack serves again unless somebody is new, or most of it is no longer used.
        if any(adapter not in known for adapter in wanted) or len(known) > 2 * len(wanted):
            self._stack = Stack(wanted)
        places = [-1 if owner is None else self._stack.places[owner] for owner in owners]
        rows = torch.tensor(places, device=self._device)
        return AdaptedStep(self._stack.layers, self._stack.hidden(rows))
