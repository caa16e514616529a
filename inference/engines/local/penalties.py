"""Changes to logits before a token is chosen: repetition, frequency and presence penalty, bias.

Repetition as in CTRL (arXiv:1909.05858) over prompt and output; frequency and presence as OpenAI
defines them, over the output alone; the bias is added last.
"""

from collections.abc import Sequence as Rows

import torch

from inference.engines.local.sampler_rows import SamplerRow


def adjust(logits: torch.Tensor, states: Rows[SamplerRow]) -> torch.Tensor:
    """Adjusted logits `[rows, vocabulary]`; row i belongs to `states[i]`."""
    penalised = [index for index, state in enumerate(states) if state.penalised]
    if penalised:
        logits[penalised] = _penalise(logits[penalised], [states[index] for index in penalised])
    for row, state in zip(logits, states, strict=True):
        if state.bias is not None:
            ids, values = state.bias
            row[ids] += values
    return logits


def _penalise(logits: torch.Tensor, states: Rows[SamplerRow]) -> torch.Tensor:
    def column(name: str) -> torch.Tensor:
        values = [getattr(state.params, name) for state in states]
        return torch.tensor(values, dtype=torch.float32, device=logits.device)[:, None]

    seen = torch.stack([state.seen for state in states if state.seen is not None])
    counts = torch.stack([state.counts for state in states if state.counts is not None])
    repetition = column("repetition_penalty")
    weakened = torch.where(logits > 0, logits / repetition, logits * repetition)
    logits = torch.where(seen, weakened, logits)
    logits -= column("frequency_penalty") * counts
    return logits - column("presence_penalty") * (counts > 0)
