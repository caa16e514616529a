"""A transformers model's own layers, read off into what packed steps compute with."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from transformers import PreTrainedModel

from inference.engines.local import linears
from inference.engines.local.linears import Linear

CENTRED_AT_ONE = {"gemma2", "gemma3_text"}  # norms that store their weight minus one
CAPS_SCORES = {"gemma2"}  # Gemma 3 keeps the setting, and computes without it
WRITES_BACK = {"gemma2", "gemma3_text"}  # a norm after attention and MLP as well


class Norm(NamedTuple):
    """Root mean square, in single precision; a third of torch's own operations."""

    weight: torch.Tensor
    eps: torch.Tensor

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        wide = inputs.float()
        length = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
        scale = torch.addcmul(self.eps, length, length, value=1 / wide.shape[-1]).rsqrt_()
        return (wide * scale).mul_(self.weight).to(inputs.dtype)


class Head(NamedTuple):
    """How a layer attends: to a `window` of tokens that ends with its own, or to all (None)."""

    scaling: float
    window: int | None
    softcap: float | None
    kind: str | None  # of positions, where a model has several


class Layer(NamedTuple):
    before_attention: Norm
    qkv: Linear
    qk_norm: Norm | None
    head: Head
    out: Linear
    after_attention: Norm | None
    before_mlp: Norm
    gate_up: Linear
    activation: Callable[[torch.Tensor], torch.Tensor]
    down: Linear
    after_mlp: Norm | None


def read(model: PreTrainedModel, *, packed: bool) -> list[Layer]:
    """`model`'s layers in order."""
    inner: Any = model.base_model
    return [_layer(model, n, layer, packed=packed) for n, layer in enumerate(inner.layers)]


def norm(model: PreTrainedModel, module: Any) -> Norm:
    weight = module.weight.data.float()
    eps = getattr(module, "eps", None) or module.variance_epsilon
    if model.config.model_type in CENTRED_AT_ONE:
        weight = 1 + weight
    return Norm(weight, torch.tensor([eps], device=weight.device))


def _layer(model: PreTrainedModel, number: int, layer: Any, *, packed: bool) -> Layer:
    attention, mlp = layer.self_attn, layer.mlp
    written_back = model.config.model_type in WRITES_BACK
    before_mlp = layer.pre_feedforward_layernorm if written_back else layer.post_attention_layernorm

    def joined(block: str, *names: str) -> Linear:
        path, parent = f"model.layers.{number}.{block}", getattr(layer, block)
        modules = {f"{path}.{name}": getattr(parent, name) for name in names}
        return linears.joined(modules, packed=packed)

    return Layer(
        before_attention=norm(model, layer.input_layernorm),
        qkv=joined("self_attn", "q_proj", "k_proj", "v_proj"),
        qk_norm=_head_norm(model, attention),
        head=_head(model, attention, number),
        out=joined("self_attn", "o_proj"),
        after_attention=norm(model, layer.post_attention_layernorm) if written_back else None,
        before_mlp=norm(model, before_mlp),
        gate_up=joined("mlp", "gate_proj", "up_proj"),
        activation=mlp.act_fn,
        down=joined("mlp", "down_proj"),
        after_mlp=norm(model, layer.post_feedforward_layernorm) if written_back else None,
    )


def _head(model: PreTrainedModel, attention: Any, number: int) -> Head:
    config: Any = model.config
    kind = config.layer_types[number] if config.model_type == "gemma3_text" else None
    window = config.sliding_window if config.model_type == "mistral" else None
    return Head(
        scaling=attention.scaling,
        window=getattr(attention, "sliding_window", window),
        softcap=config.attn_logit_softcapping if config.model_type in CAPS_SCORES else None,
        kind=kind,
    )


def _head_norm(model: PreTrainedModel, attention: Any) -> Norm | None:
    """Of queries and keys at once: a weight for each of their heads."""
    if not hasattr(attention, "q_norm"):
        return None
    query, key = norm(model, attention.q_norm), norm(model, attention.k_norm)
    heads = model.config.num_attention_heads, model.config.num_key_value_heads
    weight = torch.cat([query.weight.expand(heads[0], -1), key.weight.expand(heads[1], -1)])
    return Norm(weight, query.eps)
