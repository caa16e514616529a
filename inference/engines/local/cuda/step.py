"""A decoding step whose small operations are kernels of our own: ten launches a layer, not forty.

On a GPU a small step is the number of its launches. Products are the libraries' still.
"""

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812 - the name everyone knows it by

from inference.engines.local.adapters_forward import AdaptedStep
from inference.engines.local.cuda import launches
from inference.engines.local.kv import Cache
from inference.engines.local.linears import Linear
from inference.engines.local.packed import Parts
from inference.engines.local.packed_layers import Head, Layer, Norm

Turn = tuple[torch.Tensor, torch.Tensor]


class UnknownActivation(ValueError):
    """The kernels do not compute what this model does between its products."""


class FusedStep:
    """One token for each row; its place is read on the device, so shapes depend on `rows` alone.

    Raises UnknownActivation.
    """

    any_length = True

    def __init__(self, parts: Parts, cache: Cache) -> None:
        self._parts, self._cache = parts, cache
        self._shape = launches.Shape.of(parts.heads, cache)
        self._tanh = _is_tanh(parts.layers[0].activation)
        self._kinds = {layer.head.kind for layer in parts.layers}
        self._sign = torch.ones(cache.width, dtype=cache.dtype, device=cache.device)
        self._sign[: cache.width // 2] = -1

    def logits(
        self, inputs: torch.Tensor, keys: int, adapted: AdaptedStep | None = None
    ) -> torch.Tensor:
        """`inputs` are tokens, positions and slots, `[3, rows]`; contexts have at most `keys`."""
        tokens, positions, slots = inputs
        states = self._parts.embed(tokens)
        turns = {kind: self._turn(states, positions, kind) for kind in self._kinds}
        rows = slots, positions
        for number, layer in enumerate(self._parts.layers):
            joint = _product(layer.qkv, launches.normed(layer.before_attention, states), adapted)
            cached, turn = self._cache.layer(number), turns[layer.head.kind]
            query = launches.turned_and_kept(joint, turn, layer.qk_norm, cached, rows, self._shape)
            found = launches.attended(query, cached, rows, layer.head, self._shape)
            _add(states, layer.out, layer.after_attention, found, adapted)
            self._mlp(states, layer, adapted)
        logits = _product(
            self._parts.output, launches.normed(self._parts.norm, states), None
        ).float()
        if self._parts.softcap is not None:
            logits = logits.div_(self._parts.softcap).tanh_().mul_(self._parts.softcap)
        return logits

    def attended(
        self, query: torch.Tensor, cached: launches.Kept, rows: launches.Rows, head: Head
    ) -> torch.Tensor:
        """Of rows that decode beside prompts."""
        return launches.attended(query, cached, rows, head, self._shape)

    def rehearse(self, cache: Cache) -> None:
        """Have that compiled before anybody waits for it: it differs with the number of rows."""
        heads = {layer.head.window: layer.head for layer in self._parts.layers}
        for doubled in range(cache.slots.bit_length() + 1):
            rows = 1 << doubled
            slots = torch.full((rows,), cache.spare, device=cache.device)
            size = rows, self._parts.heads, cache.width
            query = torch.zeros(size, dtype=cache.dtype, device=cache.device)
            for head in heads.values():
                self.attended(query, cache.layer(0), (slots, torch.zeros_like(slots)), head)

    def _mlp(self, states: torch.Tensor, layer: Layer, adapted: AdaptedStep | None) -> None:
        both = _product(layer.gate_up, launches.normed(layer.before_mlp, states), adapted)
        _add(states, layer.down, layer.after_mlp, launches.gated(both, tanh=self._tanh), adapted)

    def _turn(self, states: torch.Tensor, positions: torch.Tensor, kind: str | None) -> Turn:
        """Cosines, and sines whose first half is negative, `[rows, width]`."""
        kinds = () if kind is None else (kind,)
        cos, sin = self._parts.rotary(states, positions[None], *kinds)
        return cos[0].contiguous(), sin[0] * self._sign


def _product(linear: Linear, inputs: torch.Tensor, adapted: AdaptedStep | None) -> torch.Tensor:
    output = F.linear(inputs, linear.plain, linear.bias)
    if adapted:
        adapted.add(linear.parts, inputs, output)
    return output


def _add(
    states: torch.Tensor,
    linear: Linear,
    norm: Norm | None,
    inputs: torch.Tensor,
    adapted: AdaptedStep | None,
) -> None:
    """What a layer writes back, in place."""
    if norm:
        states.add_(launches.normed(norm, _product(linear, inputs, adapted)))
        return
    states.addmm_(inputs, linear.plain.t())
    if linear.bias is not None:
        states.add_(linear.bias)
    if adapted:
        adapted.add(linear.parts, inputs, states)


def _is_tanh(activation: Any) -> bool:
    """By what it says: its name differs from release to release."""
    some = torch.linspace(-4, 4, 65)
    found = activation(some)
    if torch.allclose(found, F.silu(some), atol=1e-5):
        return False
    if torch.allclose(found, F.gelu(some, approximate="tanh"), atol=1e-5):
        return True
    raise UnknownActivation("neither SiLU nor GELU by tanh")
