"""LoRA adapters of one base: found in a folder, vetted, loaded once, kept while there is room."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch
from safetensors.torch import load_file
from transformers import PreTrainedModel

from inference.engines.base import InvalidGeneration
from inference.engines.local import adapters_vetting
from inference.engines.local.adapters_vetting import NAME, TARGETS, VettedAdapter
from inference.model_files import ModelRefused

MOST_LOADED: Final = 32
MOST_BYTES: Final = 1 << 30  # of those that are kept; rows that run keep theirs besides


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """For each layer that it changes: `down` [rank, in] and `up` [rank, out], scaled already."""

    name: str
    layers: Mapping[str, tuple[torch.Tensor, torch.Tensor]]

    @property
    def rank(self) -> int:
        """The same in all layers."""
        return next((down.shape[0] for down, _ in self.layers.values()), 0)

    @property
    def bytes(self) -> int:
        return sum(down.nbytes + up.nbytes for down, up in self.layers.values())


class AdapterShelf:
    """`get` may be called from any thread but the loop's: it reads files.

    What no longer fits leaves the shelf, the least used first; it lives on in rows that run.
    """

    def __init__(self, folder: Path | None, model: PreTrainedModel) -> None:
        self._folder = folder
        self._dtype, self._device = model.dtype, model.device
        self._shapes = {
            name: (layer.in_features, layer.out_features) for name, layer in linears(model).items()
        }
        self._kept: OrderedDict[str, Adapter] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str) -> Adapter:
        """Raises InvalidGeneration."""
        with self._lock:
            if name not in self._kept:
                self._kept[name] = self._load(name)
            self._kept.move_to_end(name)
            while len(self._kept) > 1 and self._is_full():
                self._kept.popitem(last=False)
            return self._kept[name]

    def _is_full(self) -> bool:
        return (
            len(self._kept) > MOST_LOADED
            or sum(adapter.bytes for adapter in self._kept.values()) > MOST_BYTES
        )

    def _load(self, name: str) -> Adapter:
        if self._folder is None or not NAME.fullmatch(name):
            raise InvalidGeneration("This engine has no such adapter.", "model")
        try:
            vetted = adapters_vetting.vet(self._folder / name, self._shapes)
            return Adapter(name, self._layers(vetted))
        except (ModelRefused, OSError) as error:
            message = f"This model's adapter cannot be served: {error}"
            raise InvalidGeneration(message, "model") from error

    def _layers(self, vetted: VettedAdapter) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
        tensors = load_file(vetted.file)
        if not all(bool(tensor.isfinite().all()) for tensor in tensors.values()):
            # Zeros of other rows are multiplied by these weights, and must stay zeros.
            raise ModelRefused("it holds weights that are no numbers.")
        layers = {}
        for layer in vetted.layers:
            down, up = (tensors[f"base_model.model.{layer}.lora_{side}.weight"] for side in "AB")
            scaled = (up.float() * vetted.scaling).T.contiguous()
            layers[layer] = (self._placed(down), self._placed(scaled))
        return layers

    def _placed(self, tensor: torch.Tensor) -> torch.Tensor:
        return tensor.to(device=self._device, dtype=self._dtype)


def linears(model: PreTrainedModel) -> dict[str, torch.nn.Linear]:
    """The layers that an adapter may change, by their name in the model."""
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Linear) and name.rpartition(".")[2] in TARGETS
    }
