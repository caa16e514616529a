"""Linear layers side by side as one product, in the layout that is fastest on this machine.

On CPU oneDNN multiplies by weights that it has laid out beforehand: for 1 to 32 rows two to ten
times as fast as plain products, which go column by column through memory. The plain weights stay
where they are, with the model's modules.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch

ROWS = 32  # that the layout is made for; it suits 1 to 512


class Part(NamedTuple):
    """One of the model's linear layers, and its columns in the joint output."""

    name: str
    columns: slice


class Linear(NamedTuple):
    """`weight` is `[inputs, outputs]`, or (`packed`) in oneDNN's own layout; `plain` is
    `[outputs, inputs]`."""

    weight: torch.Tensor
    plain: torch.Tensor
    bias: torch.Tensor | None
    parts: tuple[Part, ...]
    packed: bool

    def __call__(self, inputs: torch.Tensor) -> torch.Tensor:
        if self.packed:
            return _product(inputs, self.weight, self.bias, "none", [], "")
        if self.bias is None:
            return torch.mm(inputs, self.weight)
        return torch.addmm(self.bias, inputs, self.weight)

    def added_to(self, base: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
        if self.packed:
            return _sum(inputs, base, self.weight, self.bias, "add")
        total = torch.addmm(base, inputs, self.weight)
        return total if self.bias is None else total.add_(self.bias)


def joined(modules: dict[str, torch.nn.Linear], *, packed: bool) -> Linear:
    """By their names in the model. The modules' weights become views of the joint one, so that only
    packing keeps something twice."""
    weights = [module.weight.data for module in modules.values()]
    weight = torch.cat(weights) if len(weights) > 1 else weights[0]
    biases = [module.bias.data for module in modules.values() if module.bias is not None]
    parts, start = [], 0
    for name, module in modules.items():
        columns = slice(start, start + module.weight.shape[0])
        parts.append(Part(name, columns))
        start = columns.stop
        module.weight.data = weight[columns]
    return _linear(weight, torch.cat(biases) if biases else None, tuple(parts), packed=packed)


def single(weight: torch.Tensor, name: str, *, packed: bool) -> Linear:
    return _linear(weight, None, (Part(name, slice(0, weight.shape[0])),), packed=packed)


def can_pack(weights: Sequence[torch.Tensor], room: int) -> bool:
    """Whether oneDNN knows these weights, and a copy of them fits into `room` bytes."""
    if any(weight.device.type != "cpu" for weight in weights):
        return False
    if any(weight.dtype not in (torch.float32, torch.bfloat16) for weight in weights):
        return False
    known: bool = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    if any(weight.dtype == torch.bfloat16 for weight in weights):
        known = known and torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001 - as below
    return known and sum(weight.nbytes for weight in weights) <= room


def _linear(
    weight: torch.Tensor, bias: torch.Tensor | None, parts: tuple[Part, ...], *, packed: bool
) -> Linear:
    if packed:
        return Linear(_packed(weight.contiguous(), ROWS), weight, bias, parts, packed=True)
    return Linear(weight.t(), weight, bias, parts, packed=False)


# What torch's own compiler calls for the same purpose.
_packed: Callable[..., torch.Tensor] = torch.ops.mkldnn._reorder_linear_weight  # noqa: SLF001 - the same
_product: Callable[..., torch.Tensor] = torch.ops.mkldnn._linear_pointwise.default  # noqa: SLF001 - the same
_sum: Callable[..., torch.Tensor] = torch.ops.mkldnn._linear_pointwise.binary  # noqa: SLF001 - the same
