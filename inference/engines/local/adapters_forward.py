"""Adapters in a packed step: rows of different adapters, and of none, in the same products.

The adapters of a step lie side by side as columns of one matrix a layer, and every token keeps the
columns of its own. So a layer costs two products more, however many adapters there are, and tokens
without one get exactly zero added.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import torch
from transformers import PreTrainedModel

from inference.engines.local.adapters import Adapter, linears

Hook = Callable[[torch.nn.Module, tuple[torch.Tensor, ...], torch.Tensor], None]


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


class _Step(NamedTuple):
    layers: Mapping[str, _Layer]
    hidden: list[torch.Tensor]


class AdaptedModel:
    """Hooks into a model's layers with the first adapter; without one nothing is changed.

    Used by the loop's thread alone.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model
        self._hooked = False
        self._stack = Stack(())
        self._step: _Step | None = None

    @contextmanager
    def running(self, owners: Sequence[Adapter | None]) -> Iterator[None]:
        """`owners` names the adapter of each token of the step."""
        wanted = dict.fromkeys(owner for owner in owners if owner)
        if not wanted:
            yield
            return
        self._hook()
        self._step = self._planned(list(wanted), owners)
        try:
            yield
        finally:
            self._step = None

    def _planned(self, wanted: list[Adapter], owners: Sequence[Adapter | None]) -> _Step:
        """The last stack serves again unless somebody is new, or most of it is no longer used."""
        known = self._stack.places
        if any(adapter not in known for adapter in wanted) or len(known) > 2 * len(wanted):
            self._stack = Stack(wanted)
        places = [-1 if owner is None else self._stack.places[owner] for owner in owners]
        rows = torch.tensor(places, device=self._model.device)
        return _Step(self._stack.layers, self._stack.hidden(rows))

    def _hook(self) -> None:
        if not self._hooked:
            for name, layer in linears(self._model).items():
                layer.register_forward_hook(self._adding(name))
            self._hooked = True

    def _adding(self, name: str) -> Hook:
        def add(_: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
            step = self._step
            if step is None or (layer := step.layers.get(name)) is None:
                return
            inner = inputs[0][0] @ layer.down
            inner.masked_fill_(step.hidden[layer.layout], 0)
            output[0].addmm_(inner, layer.up)

        return add
