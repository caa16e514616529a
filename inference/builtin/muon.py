"""Muon, an optimiser for weight matrices: momentum whose singular values are made alike.

Source: Keller Jordan et al., "Muon: an optimizer for hidden layers in neural networks" (2024),
with the update scaled to AdamW's as in "Muon is scalable for LLM training" (arXiv 2502.16982).
Matrices of one shape are updated together, which on a CPU costs a third of one at a time.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch

_ITERATION = (3.4445, -4.7750, 2.0315)  # coefficients of the Newton-Schulz step
_STEPS = 5


class Muon(torch.optim.Optimizer):
    """For parameters of two dimensions."""

    def __init__(
        self,
        parameters: Iterable[torch.Tensor],
        lr: float = 1e-3,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no closures here
        """One update of all matrices."""
        for group in self.param_groups:
            alike: dict[torch.Size, list[torch.Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                alike[parameter.shape].append(parameter)
            for parameters in alike.values():
                self._update(parameters, group["lr"], group["momentum"], group["weight_decay"])

    def _update(
        self, parameters: list[torch.Tensor], lr: float, momentum: float, weight_decay: float
    ) -> None:
        gradients = [each.grad for each in parameters if each.grad is not None]
        moving = [self.state[each] for each in parameters]
        for state, gradient in zip(moving, gradients, strict=True):
            state.setdefault("momentum", torch.zeros_like(gradient)).lerp_(gradient, 1 - momentum)
        ahead = [
            gradient.lerp(state["momentum"], momentum)
            for state, gradient in zip(moving, gradients, strict=True)
        ]
        updates = orthogonal(torch.stack(ahead))
        scale = 0.2 * max(parameters[0].shape) ** 0.5
        for parameter, update in zip(parameters, updates, strict=True):
            parameter.mul_(1 - lr * weight_decay).add_(update, alpha=-lr * scale)


def orthogonal(matrices: torch.Tensor) -> torch.Tensor:
    """The nearest matrices with all singular values about one, [n, rows, columns]."""
    a, b, c = _ITERATION
    tall = matrices.size(1) > matrices.size(2)
    x: torch.Tensor = matrices.mT if tall else matrices
    x = (x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)).bfloat16()
    for _ in range(_STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    made: torch.Tensor = x.mT if tall else x
    return made.to(matrices.dtype)
