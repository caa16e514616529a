"""How likely the model found each token of a prompt, chunk by chunk."""

import torch

from inference.engines.local.sequences import Chunk, TokenLogprobs


def score(logits: torch.Tensor, chunks: list[Chunk]) -> list[list[TokenLogprobs]]:
    """What each chunk tells of its prompt's tokens, from the step's last logits.

    A prompt's first token follows nothing; every other is told of by the one before it, which may
    have been the last of the chunk before.
    """
    end = len(logits)
    start = end - sum(chunk.scored for chunk in chunks)
    if not any(chunk.sequence.scored for chunk in chunks):
        return [[] for _ in chunks]
    known = torch.log_softmax(logits[start:end], -1)
    scores, at = [], 0
    for chunk in chunks:
        scores.append(_score(known[at : at + chunk.scored], chunk))
        at += chunk.scored
    return scores


def _score(known: torch.Tensor, chunk: Chunk) -> list[TokenLogprobs]:
    submission = chunk.sequence.submission
    if not chunk.sequence.scored:
        return []
    first = [TokenLogprobs(None, [])] if chunk.start == 0 else []
    told = submission.prompt[chunk.start + 1 : chunk.start + 1 + len(known)]
    own = known.gather(1, torch.tensor(told, dtype=torch.long, device=known.device)[:, None])
    values, ids = known.topk(submission.sampling.top_logprobs)
    tops = zip(ids.tolist(), values.tolist(), strict=True)
    return first + [
        TokenLogprobs(value, list(zip(*top, strict=True)))
        for value, top in zip(own[:, 0].tolist(), tops, strict=True)
    ]
