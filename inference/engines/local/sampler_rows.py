"""What the sampler keeps for one sequence: its parameters, its seed, and the tokens it has seen."""

import math
import secrets
from collections import Counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from inference.engines.base import SamplingParams
from inference.engines.local.noise import choice_seed

GREEDY_BELOW = 1e-5  # colder than this is greedy: dividing by it would overflow
OFF = (float(1 << 30), math.inf, -math.inf)  # cuts that keep everything
IN_PROMPT, USED = 1, 2  # marks of a token


class Standing(NamedTuple):
    """What a row adds to the logits of some tokens (all others: nothing), and their marks."""

    ids: npt.NDArray[np.int32]
    offsets: npt.NDArray[np.float32]
    marks: npt.NDArray[np.int32]


class Dense(NamedTuple):
    """The same for the whole vocabulary."""

    offsets: torch.Tensor | None
    seen: torch.Tensor | None  # prompt and output, for the repetition penalty


class SamplerRow:
    """Tensors exist only for what the request asks; a plain row carries none."""

    def __init__(self, params: SamplingParams, prompt: list[int], index: int) -> None:
        self.params = params
        seed = secrets.randbits(64) if params.seed is None else params.seed
        self.seed = choice_seed(seed, index)
        self.greedy = params.temperature < GREEDY_BELOW
        self.repeating = params.repetition_penalty != 1
        self.again = np.float32(params.frequency_penalty)  # what a token's use takes from its logit
        self.first = np.float32(params.frequency_penalty + params.presence_penalty)
        self._offset = bool(params.presence_penalty or self.again or params.logit_bias)
        self._prompt = prompt
        self._used: Counter[int] = Counter()
        self._dense: Dense | None = None

    @property
    def adjusted(self) -> bool:
        return self.repeating or self._offset

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
        top_k, top_p, log_min_p = OFF
        if self.greedy:
            return OFF
        return (
            float(params.top_k or top_k),
            max(params.top_p if params.top_p < 1 else top_p, 1e-9),
            math.log(params.min_p) if params.min_p else log_min_p,
        )

    def note(self, token: int) -> None:
        """Remember a generated token, for the penalties."""
        if self._dense:
            offsets, seen = self._dense
            if offsets is not None:
                offsets[token] -= float(self.again if token in self._used else self.first)
            if seen is not None:
                seen[token] = True
        self._used[token] += 1

    def standing(self) -> Standing:
        """As it is now, in the arithmetic of noting one token after another."""
        bias = self.params.logit_bias
        before = set(self._prompt) if self.repeating else set()
        ids = sorted(before | bias.keys() | self._used.keys())
        offsets = [self._lowered(np.float32(bias.get(token, 0)), token) for token in ids]
        marks = [IN_PROMPT * (token in before) | USED * (token in self._used) for token in ids]
        return Standing(
            np.array(ids, np.int32), np.array(offsets, np.float32), np.array(marks, np.int32)
        )

    @torch.inference_mode(mode=False)  # else only who computes in it may change them
    def dense(self, vocabulary: int) -> Dense:
        """On the CPU, kept from token to token."""
        if self._dense is None:
            ids, values, marks = map(torch.from_numpy, self.standing())
            offsets = seen = None
            if self._offset:
                offsets = torch.zeros(vocabulary).index_put_((ids.long(),), values)
            if self.repeating:
                seen = torch.zeros(vocabulary, dtype=torch.bool)
                seen[ids.long()] = marks > 0
            self._dense = Dense(offsets, seen)
        return self._dense

    def _lowered(self, offset: np.float32, token: int) -> np.float32:
        times = self._used[token]
        if times:
            offset -= self.first
        for _ in range(times - 1):
            offset -= self.again
        return offset
