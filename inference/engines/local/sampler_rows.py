"""What the sampler keeps for one sequence: its parameters, its seed, and the tokens it has seen."""

import math
import secrets

import torch

from inference.engines.base import SamplingParams
from inference.engines.local.noise import choice_seed

GREEDY_BELOW = 1e-5  # colder than this is greedy: dividing by it would overflow


class SamplerRow:
    """Tensors exist only for what the request asks; a plain row carries none."""

    def __init__(
        self,
        params: SamplingParams,
        prompt: list[int],
        index: int,
        vocabulary: int,
        device: torch.device,
    ) -> None:
        self.params = params
        seed = secrets.randbits(64) if params.seed is None else params.seed
        self.seed = choice_seed(seed, index)
        self.greedy = params.temperature < GREEDY_BELOW
        self._penalised = bool(params.presence_penalty or params.frequency_penalty)
        self._generated: set[int] = set()
        self.offsets: torch.Tensor | None = None  # to add to the logits, one a token
        if self._penalised or params.logit_bias:
            self.offsets = torch.zeros(vocabulary, device=device)
            for token, bias in params.logit_bias.items():
                self.offsets[token] = bias
        self.seen: torch.Tensor | None = None  # prompt and output, for the repetition penalty
        if params.repetition_penalty != 1:
            self.seen = torch.zeros(vocabulary, dtype=torch.bool, device=device)
            self.seen[torch.tensor(prompt, device=device)] = True

    @property
    def adjusted(self) -> bool:
        return self.seen is not None or self.offsets is not None

    @property
    def filtered(self) -> bool:
        params = self.params
        return not self.greedy and bool(params.top_k or params.top_p < 1 or params.min_p)

    @property
    def wants_logprobs(self) -> bool:
        return self.params.logprobs

    @property
    def cuts(self) -> tuple[float, float, float]:
        """top_k, top_p and log(min_p), with "off" written as a cut that keeps everything."""
        params = self.params
        top_k = params.top_k or 1 << 30
        top_p = params.top_p if params.top_p < 1 else math.inf
        log_min_p = math.log(params.min_p) if params.min_p else -math.inf
        return float(top_k), max(top_p, 1e-9), log_min_p

    def note(self, token: int) -> None:
        """Remember a generated token, for the penalties."""
        if self.seen is not None:
            self.seen[token] = True
        if self._penalised and self.offsets is not None:
            penalty = self.params.frequency_penalty
            if token not in self._generated:
                penalty += self.params.presence_penalty
                self._generated.add(token)
            self.offsets[token] -= penalty
