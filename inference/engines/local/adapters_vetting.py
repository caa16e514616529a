"""Decides whether a LoRA adapter in peft's format is safe and fits its base, loading nothing."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from inference import weights
from inference.model_files import ModelRefused, read_json

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"
MAX_RANK: Final = 128
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""What an adapter's folder may be called: nothing that leads out of the folder of adapters."""
TARGETS: Final = (
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
)  # fmt: skip
_TENSOR: Final = re.compile(
    rf"base_model\.model\.(.+\.(?:{'|'.join(TARGETS)}))\.lora_([AB])\.weight"
)
_MUST_BE_OFF: Final = (
    "alora_invocation_tokens", "alpha_pattern", "arrow_config", "fan_in_fan_out",
    "layer_replication", "lora_bias", "megatron_config", "modules_to_save", "rank_pattern",
    "target_parameters", "trainable_token_indices", "use_bdlora", "use_dora", "use_qalora",
)  # fmt: skip
Shapes = Mapping[str, tuple[int, int]]
"""Of the base's linear layers that can have an adapter: numbers that come in, and go out."""


@dataclass(frozen=True, slots=True)
class VettedAdapter:
    """`layers` are the base's that it changes; its product is multiplied by `scaling`."""

    file: Path
    rank: int
    scaling: float
    layers: tuple[str, ...]


def vet(folder: Path, shapes: Shapes) -> VettedAdapter:
    """Raises ModelRefused."""
    config = read_json(folder / CONFIG)
    if reasons := list(_unsupported(config)):
        raise ModelRefused(" ".join(reasons))
    try:
        tensors = weights.read_file(folder / WEIGHTS).tensors
    except weights.BadWeights as error:
        raise ModelRefused(str(error)) from error
    rank, alpha = config["r"], config["lora_alpha"]
    if reasons := list(dict.fromkeys(_misfits(tensors, rank, shapes))):
        raise ModelRefused(" ".join(reasons[:5]))
    scaling = alpha / rank**0.5 if config.get("use_rslora") else alpha / rank
    layers = sorted({_TENSOR.fullmatch(name)[1] for name in tensors})  # type: ignore[index]  # they all fit
    return VettedAdapter(folder / WEIGHTS, rank, scaling, tuple(layers))


def _unsupported(config: Mapping[str, Any]) -> Iterator[str]:
    if config.get("peft_type") != "LORA":
        yield f"It is {str(config.get('peft_type'))[:40]}; served are LORA adapters."
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if type(rank) is not int or not 1 <= rank <= MAX_RANK:
        yield f"Its rank (r) must be a whole number from 1 to {MAX_RANK}, not {rank!r:.40}."
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or not 0 < alpha <= 1 << 16:
        yield f"Its lora_alpha must be a number above 0, not {alpha!r:.40}."
    if config.get("bias", "none") != "none":
        yield "It changes biases (bias), which is not supported."
    for name in _MUST_BE_OFF:
        if config.get(name):
            yield f"It uses {name}, which is not supported."


def _misfits(tensors: Mapping[str, weights.Tensor], rank: int, shapes: Shapes) -> Iterator[str]:
    if not tensors:
        yield "It holds no tensor."
    for name, tensor in tensors.items():
        found = _TENSOR.fullmatch(name)
        if found is None or found[1] not in shapes:
            yield f"Its tensor {name[:120]} belongs to no layer of the base that can be adapted."
            continue
        layer, side = found.groups()
        came, went = shapes[layer]
        wanted = [rank, came] if side == "A" else [went, rank]
        if tensor.shape != wanted:
            yield f"{name} has the shape {tensor.shape}; the base and its rank ask for {wanted}."
        if f"base_model.model.{layer}.lora_{'BA'[side == 'B']}.weight" not in tensors:
            yield f"The other half of {name} is missing."
