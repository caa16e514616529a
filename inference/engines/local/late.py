"""Recorded steps whose tokens the host reads one step late, while the device computes the next.

So the device never waits for the host. A row that ends is noticed one step late, too: what was
computed for it meanwhile is dropped, and nobody sees it.
"""

from collections.abc import Sequence as Rows
from typing import NamedTuple

import torch

from inference.engines.local.runner import Runner
from inference.engines.local.sampler import Chosen, Sampler
from inference.engines.local.sequences import Sequence
from inference.engines.local.uploads import upload


class Late(NamedTuple):
    """A step that was given to the device, and whose rows' lengths count its tokens already."""

    rows: list[Sequence]
    chosen: Chosen

    def covers(self, decoding: Rows[Sequence], context: int) -> bool:
        """Whether the next step can follow from what the device knows."""
        own = set(map(id, self.rows))
        return bool(decoding) and all(id(row) in own and row.length < context for row in decoding)

    def tokens(self, decoding: list[Sequence]) -> torch.Tensor:
        """Their last ones, on the device; some rows may have left."""
        if decoding == self.rows:
            return self.chosen.tokens
        places = {id(row): place for place, row in enumerate(self.rows)}
        wanted = [places[id(row)] for row in decoding]
        return self.chosen.tokens[upload(wanted, self.chosen.tokens.device)]


def launch(
    runner: Runner, sampler: Sampler, decoding: list[Sequence], before: Late | None = None
) -> Late | None:
    """The step after `before`. None: it is not recorded, or what a row says next depends on what
    the host makes of its last token; nothing has happened. Nor has it when this raises."""
    if any(map(_needs_the_host, decoding)):
        return None
    logits = runner.replayed(decoding, before.tokens(decoding) if before else None)
    if logits is None:
        return None
    chosen = sampler.choose(logits, decoding, ahead=1 if before else 0)
    for row in decoding:
        row.length += 1
    return Late(decoding, chosen)


def _needs_the_host(row: Sequence) -> bool:
    sampler = row.sampler
    return row.matcher is not None or sampler.adjusted or sampler.wants_logprobs
