"""Adapters in a packed step: rows of different adapters, and of none, in the same products.

The adapters of a step lie side by side as columns of one matrix a layer, and every token keeps the
columns of its own: more adapters are no more products, and tokens without one get exactly zero
added. Layers that read the same (queries, keys and values) share a product.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from inference.engines.local.adapters import Adapter
from inference.engines.local.linears import Part
from inference.engines.local.uploads import upload


class _Up(NamedTuple):
    """`weight` [columns, out] reads `inner` of the joint columns, and adds to `outputs`."""

    outputs: slice
    inner: slice
    weight: torch.Tensor


class _Joint(NamedTuple):
    """`down` [in, columns]; `layout` numbers whose columns lie where."""

    down: torch.Tensor
    ups: list[_Up]
    layout: int


class Stack:
    """Some adapters side by side, made once for as long as the same ones run."""

    def __init__(self, members: Sequence[Adapter]) -> None:
        self.places = {adapter: place for place, adapter in enumerate(members)}
        self._joints: dict[str, _Joint | None] = {}
        self._layouts: dict[tuple[int, ...], int] = {}
        self._owners: list[torch.Tensor] = []  # by layout: whose each column is

    def joint(self, parts: Sequence[Part]) -> _Joint | None:
        """Of layers that read the same, known by the first; None: no adapter changes any."""
        name = parts[0].name
        if name not in self._joints:
            self._joints[name] = self._side_by_side(parts)
        return self._joints[name]

    def hidden(self, layout: int, rows: torch.Tensor) -> torch.Tensor:
        """The columns that are not of the token's own adapter."""
        return rows[:, None] != self._owners[layout]

    def _side_by_side(self, parts: Sequence[Part]) -> _Joint | None:
        downs: list[torch.Tensor] = []
        ups: list[_Up] = []
        owners: list[int] = []
        for name, outputs in parts:
            changing = [(a.layers[name], at) for a, at in self.places.items() if name in a.layers]
            if changing:
                start = len(owners)
                owners += [at for (down, _), at in changing for _ in range(down.shape[0])]
                downs += [down for (down, _), _ in changing]
                weight = torch.cat([up for (_, up), _ in changing])
                ups.append(_Up(outputs, slice(start, len(owners)), weight))
        if not ups:
            return None
        layout = self._layouts.setdefault(tuple(owners), len(self._layouts))
        if layout == len(self._owners):
            self._owners.append(upload(owners, downs[0].device))
        return _Joint(torch.cat(downs).T, ups, layout)


class AdaptedStep:
    """Adds what the adapters of a step's tokens say to what the layers say."""

    def __init__(self, stack: Stack, rows: torch.Tensor) -> None:
        """`rows` has each token's place in the stack, or -1."""
        self._stack = stack
        self._rows = rows
        self._hidden: dict[int, torch.Tensor] = {}  # by layout

    def of(self, tokens: torch.Tensor) -> "AdaptedStep":
        """The same for some of the step's tokens."""
        return AdaptedStep(self._stack, self._rows[tokens])

    def add(self, parts: Sequence[Part], inputs: torch.Tensor, output: torch.Tensor) -> None:
        """`output` of the model's layers side by side, `[tokens, outputs]`, is changed in place."""
        joint = self._stack.joint(parts)
        if joint is None:
            return
        if joint.layout not in self._hidden:
            self._hidden[joint.layout] = self._stack.hidden(joint.layout, self._rows)
        inner = (inputs @ joint.down).masked_fill_(self._hidden[joint.layout], 0)
        for up in joint.ups:
            output[:, up.outputs].addmm_(inner[:, up.inner], up.weight)


class Stacks:
    """Used by the loop's thread alone."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stack = Stack(())

    def step(self, owners: Sequence[Adapter | None]) -> AdaptedStep | None:
        """`owners` names the adapter of each token. None: there is none."""
        stack = self.of(owners)
        if stack is None:
            return None
        places = [-1 if owner is None else stack.places[owner] for owner in owners]
        return AdaptedStep(stack, upload(places, self._device))

    def of(self, owners: Sequence[Adapter | None]) -> Stack | None:
        """All of them side by side. None: there is none."""
        wanted = list(dict.fromkeys(owner for owner in owners if owner))
        if not wanted:
            return None
        known = self._stack.places
        # The last stack serves again unless somebody is new, or most of it is no longer used.
        if any(adapter not in known for adapter in wanted) or len(known) > 2 * len(wanted):
            self._stack = Stack(wanted)
        return self._stack
