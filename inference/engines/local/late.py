"""Steps that are given to the device before the host has read the tokens of the one before.

So the device never waits for the host. A row that ends is noticed one step late, too: what was
computed for it meanwhile is dropped, and nobody sees it. Rows that are held to a grammar need their
last token before the next can be chosen, but not before it can be computed: the host reads, and the
grammar's process answers, while the device computes.
"""

from collections.abc import Callable
from collections.abc import Sequence as Rows
from typing import NamedTuple, TypeVar

import torch

from inference.engines.local import masks
from inference.engines.local.chosen import Chosen
from inference.engines.local.recorded_sampler import RecordedSampler
from inference.engines.local.runner import Runner
from inference.engines.local.sequences import Sequence
from inference.engines.local.uploads import upload

T = TypeVar("T")


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


class Computing(NamedTuple):
    """A step whose logits the device computes, and whose rows' lengths count its tokens already."""

    rows: list[Sequence]
    logits: torch.Tensor
    sampler: RecordedSampler

    @property
    def held(self) -> bool:
        """What may come next depends on the tokens before."""
        return any(row.matcher for row in self.rows)

    def choose(self, before: Late | None = None) -> Late:
        """`before`: a step that the host has not read. Nothing has happened when this raises."""
        try:
            ahead = set(before.rows) if before else set()
            chosen = self.sampler.choose(self.logits, self.rows, masks.begin(self.rows), ahead)
        except Exception:
            for row in self.rows:
                row.length -= 1
            raise
        return Late(self.rows, chosen)


def compute(
    runner: Runner, decoding: list[Sequence], before: Late | None = None
) -> Computing | None:
    """The step after `before`. None: it is not recorded. Nothing has happened then, nor when this
    raises."""
    logits = runner.replayed(decoding, before.tokens(decoding) if before else None)
    if logits is None or runner.sampler is None:
        return None
    for row in decoding:
        row.length += 1
    return Computing(decoding, logits, runner.sampler)


def attempted(part: Callable[[], T | None]) -> T | None:
    """None when it raises: the step is then made at once, which finds out whose fault it is."""
    try:
        return part()
    except Exception:  # noqa: BLE001 - whatever it was, the step made at once meets it and tells it
        return None
