"""A transformers model computed by packed steps: its own weights, few and large operations.

What transformers' modules do in some sixty calls a layer takes eighteen here, which decides how
fast a few rows are: most of a small step is the way to the operations, not the operations. The
order of arithmetic is theirs, so greedy answers are theirs too.
"""

from typing import Any, NamedTuple

import torch
from torch import nn
from transformers import PreTrainedModel

from inference.engines.local import linears, memory, packed_layers
from inference.engines.local.adapters_forward import AdaptedStep
from inference.engines.local.attention import Plan
from inference.engines.local.kv import CacheShape
from inference.engines.local.linears import Linear
from inference.engines.local.packed_layers import Layer, Norm

Turn = tuple[torch.Tensor, torch.Tensor]


class Parts(NamedTuple):
    """What a model is made of. `softcap` is of logits."""

    layers: list[Layer]
    embed: Any
    rotary: Any
    norm: Norm
    output: Linear
    heads: int
    softcap: float | None


class PackedModel:
    """Used by the loop's thread alone."""

    def __init__(self, model: PreTrainedModel) -> None:
        inner: Any = model.base_model
        head: Any = model
        output = head.lm_head.weight.data
        own = [module.weight.data for module in model.modules() if isinstance(module, nn.Linear)]
        packed = linears.can_pack(own, memory.available() // 2)
        self._layers = packed_layers.read(model, packed=packed)
        self._embed = inner.embed_tokens
        self._rotary = inner.rotary_emb
        self._kinds = {layer.head.kind for layer in self._layers}
        self._norm = packed_layers.norm(model, inner.norm)
        self._output = linears.single(output, "lm_head", packed=packed)
        self._softcap = getattr(model.config, "final_logit_softcapping", None)
        shape = CacheShape.of(model.config)
        self._heads: int = model.config.num_attention_heads
        self._kv_heads = shape.heads
        self._half = shape.width // 2
        self._sign = torch.ones(shape.width, dtype=model.dtype, device=model.device)
        self._sign[: self._half] = -1

    @property
    def parts(self) -> Parts:
        return Parts(
            self._layers,
            self._embed,
            self._rotary,
            self._norm,
            self._output,
            self._heads,
            self._softcap,
        )

    @property
    def windows(self) -> set[int | None]:
        return {layer.head.window for layer in self._layers}

    def logits(
        self,
        tokens: torch.Tensor,
        positions: torch.Tensor,
        wanted: torch.Tensor | None,
        plan: Plan,
        adapted: AdaptedStep | None,
    ) -> torch.Tensor:
        """`[wanted, vocabulary]` (None: of all tokens), in single precision."""
        states = self._embed(tokens)
        turns = {kind: self._turn(states, positions, kind) for kind in self._kinds}
        last = len(self._layers) - 1
        for number, layer in enumerate(self._layers):
            found = self._attention(number, layer, states, turns[layer.head.kind], plan, adapted)
            if number == last and wanted is not None:  # of the others only keys and values matter
                states, found = states[wanted], found[wanted]
                adapted = adapted.of(wanted) if adapted else None
            states = _added(layer.out, layer.after_attention, states, found, adapted)
            states = _mlp(layer, states, adapted)
        logits = self._output(self._norm(states)).float()
        if self._softcap is not None:
            logits = logits.div_(self._softcap).tanh_().mul_(self._softcap)
        return logits

    def _turn(self, states: torch.Tensor, positions: torch.Tensor, kind: str | None) -> Turn:
        """Cosines, and sines whose first half is negative, `[tokens, 1, width]`."""
        kinds = () if kind is None else (kind,)
        cos, sin = self._rotary(states, positions[None], *kinds)
        return cos[0][:, None], (sin[0] * self._sign)[:, None]

    def _attention(
        self,
        number: int,
        layer: Layer,
        states: torch.Tensor,
        turn: Turn,
        plan: Plan,
        adapted: AdaptedStep | None,
    ) -> torch.Tensor:
        inputs = layer.before_attention(states)
        joint = _linear(layer.qkv, inputs, adapted)
        heads = joint.view(len(joint), self._heads + 2 * self._kv_heads, -1)
        turning = heads[:, : -self._kv_heads]
        if layer.qk_norm:
            turning = layer.qk_norm(turning)
        turned = turning.roll(self._half, -1).mul_(turn[1]).addcmul_(turning, turn[0])
        query, keys = turned[:, : self._heads], turned[:, self._heads :]
        return plan.attend(number, query, keys, heads[:, -self._kv_heads :], layer.head)


def _mlp(layer: Layer, states: torch.Tensor, adapted: AdaptedStep | None) -> torch.Tensor:
    both = _linear(layer.gate_up, layer.before_mlp(states), adapted)
    gate, up = both.chunk(2, dim=-1)
    return _added(layer.down, layer.after_mlp, states, layer.activation(gate).mul_(up), adapted)


def _linear(linear: Linear, inputs: torch.Tensor, adapted: AdaptedStep | None) -> torch.Tensor:
    output = linear(inputs)
    if adapted:
        adapted.add(linear.parts, inputs, output)
    return output


def _added(
    linear: Linear,
    norm: Norm | None,
    states: torch.Tensor,
    inputs: torch.Tensor,
    adapted: AdaptedStep | None,
) -> torch.Tensor:
    """What a layer writes back, in place: without a norm of its own in a single operation."""
    if norm:
        return states.add_(norm(_linear(linear, inputs, adapted)))
    total = linear.added_to(states, inputs)
    if adapted:
        adapted.add(linear.parts, inputs, total)
    return total
