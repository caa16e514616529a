"""Changes to logits before a token is chosen: repetition penalty, then what each row adds.

Repetition as in CTRL (arXiv:1909.05858), over prompt and output. The bias, and the frequency and
presence penalties as OpenAI defines them, over the output alone, are sums that each row keeps.
"""

from collections.abc import Sequence as Rows

import torch

from inference.engines.local.sampler_rows import SamplerRow


def adjust(logits: torch.Tensor, states: Rows[SamplerRow]) -> torch.Tensor:
    """Adjusted logits `[rows, vocabulary]`, in place; row i belongs to `states[i]`."""
    repeating = [index for index, state in enumerate(states) if state.seen is not None]
    if repeating:
        logits[repeating] = _weaken(logits[repeating], [states[index] for index in repeating])
    for row, state in zip(logits, states, strict=True):
        if state.offsets is not None:
            row.add_(state.offsets)
    return logits


def _weaken(logits: torch.Tensor, states: Rows[SamplerRow]) -> torch.Tensor:
    seen = torch.stack([state.seen for state in states if state.seen is not None])
    strengths = [state.params.repetition_penalty for state in states]
    penalty = torch.tensor(strengths, device=logits.device)[:, None]
    weakened = torch.where(logits > 0, logits / penalty, logits * penalty)
    return torch.where(seen, weakened, logits)
