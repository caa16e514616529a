"""The tokens of a step, on the host or on their way there."""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from inference.engines.local.sequences import TokenLogprobs

TOLD = 3  # rows of what is told before the likeliest tokens: token, finite, own log-probability


@dataclass(frozen=True, slots=True)
class Sampled:
    """One token a row; None where the row's logits were not finite numbers."""

    tokens: list[int | None]
    logprobs: dict[int, TokenLogprobs]


class Chosen(NamedTuple):
    """`tokens` on the device, and what tells them to the host once they are there: reading waits
    for the device, and whatever it was given before."""

    tokens: torch.Tensor
    told: torch.Tensor
    arrived: torch.cuda.Event | None
    wanted: dict[int, int]  # how many of the likeliest tokens, for rows that want to know

    @classmethod
    def sent(cls, told: torch.Tensor, wanted: dict[int, int]) -> "Chosen":
        """`told` is `[2, rows]`, or `[TOLD + 2 * likeliest, rows]`, where the next step may write:
        it is sent to the host in its turn. Real numbers are there as their bits."""
        if told.device.type != "cuda":
            return cls(told[0], told.clone(), None, wanted)
        here = torch.empty(told.shape, dtype=told.dtype, pin_memory=True)
        here.copy_(told, non_blocking=True)
        arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        arrived.record()
        return cls(told[0], here, arrived, wanted)

    def read(self) -> Sampled:
        if self.arrived:
            self.arrived.synchronize()
        tokens, finite = self.told[:2].tolist()
        good = [token if real else None for token, real in zip(tokens, finite, strict=True)]
        return Sampled(good, {row: self._logprobs(row, many) for row, many in self.wanted.items()})

    def _logprobs(self, row: int, many: int) -> TokenLogprobs:
        known = self.told[:, row].contiguous()
        most = (len(known) - TOLD) // 2
        ids, values = known[TOLD : TOLD + many].tolist(), known[TOLD + most :].view(torch.float32)
        top = list(zip(ids, values[:many].tolist(), strict=True))
        return TokenLogprobs(known[2:3].view(torch.float32).item(), top)
