"""Changes to logits before a token is chosen: repetition penalty, then what each row adds.

Repetition as in CTRL (arXiv:1909.05858), over prompt and output. The bias, and the frequency and
presence penalties as OpenAI defines them, over the output alone, are sums that each row keeps.
"""

from collections.abc import Sequence as Rows

import torch

from inference.engines.local.sampler_rows import SamplerRow


def adjust(logits: torch.Tensor, states: Rows[SamplerRow]) -> torch.Tensor:
    """Adjusted logits `[rows, vocabulary]`, in place; row i belongs to `states[i]`."""
    dense = [state.dense(logits.shape[1]) for state in states]
    repeating = [index for index, state in enumerate(states) if state.repeating]
    if repeating:
        seen = torch.stack([each.seen for each in dense if each.seen is not None])
        strengths = [states[index].params.repetition_penalty for index in repeating]
        logits[repeating] = weakened(logits[repeating], seen, torch.tensor(strengths)[:, None])
    for row, (offsets, _) in zip(logits, dense, strict=True):
        if offsets is not None:
            row.add_(offsets)
    return logits


def weakened(logits: torch.Tensor, seen: torch.Tensor, strength: torch.Tensor) -> torch.Tensor:
    """All `[rows, vocabulary]`, but for `strength`, which is `[rows, 1]`."""
    weaker = torch.where(logits > 0, logits / strength, logits * strength)
    return torch.where(seen, weaker, logits)
