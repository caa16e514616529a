"""Chooses one token for every row of a step on a CPU, all rows at once, each by its own parameters.

Rows that ask for nothing extra pay for nothing: a greedy row costs its share of one argmax, a
sampled row its share of one noisy argmax. What depends only on who is in the batch is kept from
step to step and made anew when the rows change. Other devices have `recorded_sampler`.
"""

from collections.abc import Callable
from collections.abc import Sequence as Rows
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from inference.engines.local import filters, noise, penalties
from inference.engines.local.chosen import Sampled
from inference.engines.local.masks import Mask
from inference.engines.local.sampler_rows import SamplerRow
from inference.engines.local.sequences import Sequence, TokenLogprobs


class _Some(NamedTuple):
    """Some of the step's rows; `where` is all of them as a slice, which is a view, or a list of
    numbers."""

    rows: list[int]
    where: slice | torch.Tensor


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which rows need what, as indexes into the step's rows."""

    rows: list[Sequence]
    greedy: _Some
    plain: _Some
    filtered: _Some
    adjusted: list[int]
    reported: list[int]
    temperatures: torch.Tensor
    cuts: filters.Cuts
    seeds: noise.U64


class Sampler:
    def __init__(self, vocabulary: int) -> None:
        self._hashes = noise.token_hashes(vocabulary, torch.device("cpu"))
        self._plan: _Plan | None = None

    @torch.inference_mode()
    def sample(
        self, logits: torch.Tensor, rows: Rows[Sequence], mask: Mask | None = None
    ) -> Sampled:
        """`logits` are `[rows, vocabulary]`, float32, and are overwritten."""
        plan = self._plan_for(list(rows))
        logprobs = self._logits_report(logits, plan) if plan.reported else None
        if plan.adjusted:
            states = [rows[index].sampler for index in plan.adjusted]
            logits[plan.adjusted] = penalties.adjust(logits[plan.adjusted], states)
        if mask:
            mask.apply(logits)
        chosen = self._chosen(logits, plan)
        return Sampled(chosen, logprobs(chosen) if logprobs else {})

    def _chosen(self, logits: torch.Tensor, plan: _Plan) -> list[int | None]:
        values = torch.empty(len(plan.rows))
        tokens = torch.empty(len(plan.rows), dtype=torch.long)
        if plan.greedy.rows:
            where = plan.greedy.where
            values[where], tokens[where] = logits[where].max(-1)
        if plan.plain.rows or plan.filtered.rows:
            self._draw(logits, plan, values, tokens)
        told = zip(tokens.tolist(), values.isfinite().tolist(), strict=True)
        return [token if good else None for token, good in told]

    def _draw(
        self, logits: torch.Tensor, plan: _Plan, values: torch.Tensor, tokens: torch.Tensor
    ) -> None:
        positions = np.array([row.generated for row in plan.rows], dtype=np.uint64)
        keys = torch.from_numpy(noise.row_keys(plan.seeds, positions))
        if plan.plain.rows:
            where = plan.plain.where
            scaled = logits[where] / plan.temperatures[where]
            values[where], tokens[where] = noise.draw(scaled, keys[where], self._hashes)
        if plan.filtered.rows:
            where = plan.filtered.where
            scaled = logits[where] / plan.temperatures[where]
            drawn = filters.draw(scaled, plan.cuts, keys[where], self._hashes)
            values[where], tokens[where] = drawn

    def _logits_report(
        self, logits: torch.Tensor, plan: _Plan
    ) -> Callable[[list[int | None]], dict[int, TokenLogprobs]]:
        """Takes the model's own distribution now; the answer is called with the chosen tokens."""
        known = torch.log_softmax(logits[plan.reported], -1)
        most = max(plan.rows[index].sampler.params.top_logprobs for index in plan.reported)
        top_values, top_ids = known.topk(most)

        def report(chosen: list[int | None]) -> dict[int, TokenLogprobs]:
            picked = torch.tensor([chosen[index] or 0 for index in plan.reported])
            own = known.gather(1, picked[:, None])[:, 0].tolist()
            tops = zip(top_ids.tolist(), top_values.tolist(), strict=True)
            return {
                index: TokenLogprobs(
                    logprob, list(zip(ids, values, strict=True))[: _wanted(plan, index)]
                )
                for index, logprob, (ids, values) in zip(plan.reported, own, tops, strict=True)
            }

        return report

    def _plan_for(self, rows: list[Sequence]) -> _Plan:
        if self._plan is None or self._plan.rows != rows:
            self._plan = _make_plan(rows)
        return self._plan


def _wanted(plan: _Plan, index: int) -> int:
    return plan.rows[index].sampler.params.top_logprobs


def _make_plan(rows: list[Sequence]) -> _Plan:
    states = [row.sampler for row in rows]

    def those(test: Callable[[SamplerRow], bool]) -> list[int]:
        return [index for index, state in enumerate(states) if test(state)]

    def some(test: Callable[[SamplerRow], bool]) -> _Some:
        found = those(test)
        whole = len(found) == len(rows)
        return _Some(found, slice(None) if whole else torch.tensor(found, dtype=torch.long))

    filtered = some(lambda state: state.filtered)
    cuts = torch.tensor([states[index].cuts for index in filtered.rows]).reshape(-1, 3, 1)
    temperatures = [1.0 if state.greedy else state.params.temperature for state in states]
    return _Plan(
        rows=rows,
        greedy=some(lambda state: state.greedy),
        plain=some(lambda state: not state.greedy and not state.filtered),
        filtered=filtered,
        adjusted=those(lambda state: state.adjusted),
        reported=those(lambda state: state.wants_logprobs),
        temperatures=torch.tensor(temperatures)[:, None],
        cuts=filters.Cuts(*cuts.unbind(1)),
        seeds=np.array([state.seed for state in states], dtype=np.uint64),
    )
