"""From a step's logits to its tokens on a device: operations of fixed shapes that wait for nothing.

So they can be recorded, and nothing of a step needs the host: what penalties add up is kept on the
device and grows with each token that is chosen there. Every row has a number for everything that
can be asked; what no row of a step asks for is left out of it.
"""

from enum import IntEnum, auto
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from inference.engines.local import filters, noise, penalties
from inference.engines.local.sampler_rows import OFF, USED, Standing
from inference.engines.local.uploads import upload

LIKELIEST = 20  # tokens that are told, at most

I32 = npt.NDArray[np.int32]


class Column(IntEnum):
    """A row's numbers. From TEMPERATURE on they are real ones, as their bits."""

    PLACE = 0  # of what penalties and bias add
    HELD = auto()  # where it stands which tokens may not come
    KEY_1 = auto()
    KEY_2 = auto()
    MARK = auto()  # of the token that is chosen
    TEMPERATURE = auto()
    WARM = auto()  # 0: greedy, 1: drawn
    TOP_K = auto()
    TOP_P = auto()
    LOG_MIN_P = auto()
    REPETITION = auto()
    FIRST = auto()  # what a token's first use takes from its logit
    AGAIN = auto()


class Needs(NamedTuple):
    """What some row of a step asks for."""

    drawn: bool = False
    filtered: bool = False
    adjusted: bool = False
    reported: bool = False
    held: bool = False


class Program:
    """`room` are the logits, `[rows at most, vocabulary]`, single precision: they are overwritten.

    The last place of each table is nobody's: rows that need none have that one, and change nothing.
    """

    def __init__(self, room: torch.Tensor) -> None:
        self.room = room
        rows, vocabulary = room.shape
        self.device, self.spare = room.device, rows
        self.numbers = torch.zeros((len(Column), rows), dtype=torch.int32, device=room.device)
        self._hashes = noise.token_hashes(vocabulary, room.device)
        size = rows + 1, vocabulary
        self._offsets = torch.zeros(size, device=room.device)
        self._marks = torch.zeros(size, dtype=torch.uint8, device=room.device)
        self._forbidden = torch.zeros(size, dtype=torch.bool, device=room.device)

    def neutral(self, rows: int) -> I32:
        """Numbers of rows that ask for nothing."""
        numbers = np.zeros((len(Column), rows), np.int32)
        numbers[[Column.PLACE, Column.HELD]] = self.spare
        real = numbers.view(np.float32)
        real[[Column.TEMPERATURE, Column.REPETITION]] = 1
        real[Column.TOP_K : Column.LOG_MIN_P + 1] = np.array(OFF, np.float32)[:, None]
        return numbers

    def take(self, numbers: I32) -> None:
        self.numbers[:, : numbers.shape[1]].copy_(upload(numbers, self.device))

    def forbid(self, forbidden: torch.Tensor) -> None:
        """To the rows whose HELD are 0, 1, 2, …; `[rows, vocabulary]`, of the host."""
        self._forbidden[: len(forbidden)].copy_(upload(forbidden, self.device))

    def stand(self, place: int, standing: Standing) -> None:
        """A row comes to this place."""
        self._offsets[place].zero_()
        self._marks[place].zero_()
        ids, offsets, marks = standing
        numbers = upload(np.stack((ids, offsets.view(np.int32), marks)), self.device)
        where = (numbers[0].long(),)
        self._offsets[place].index_put_(where, numbers[1].view(torch.float32))
        self._marks[place].index_put_(where, numbers[2].to(torch.uint8))

    def compute(self, rows: int, needs: Needs) -> torch.Tensor:
        """What to tell (`chosen.Chosen`), from `room` and `numbers`; changes the tables by it."""
        logits, numbers = self.room[:rows], self.numbers[:, :rows]
        real = numbers.view(torch.float32)[:, :, None]
        known = torch.log_softmax(logits, -1) if needs.reported else None
        if needs.adjusted:
            self._adjust(logits, numbers[Column.PLACE], real[Column.REPETITION])
        if needs.held:
            forbidden = self._forbidden.index_select(0, numbers[Column.HELD])
            logits.masked_fill_(forbidden, -torch.inf)
        values, tokens = self._draw(needs, logits, numbers) if needs.drawn else logits.max(-1)
        if needs.adjusted:
            self._note(tokens, numbers, real[:, :, 0])
        told = torch.stack((tokens.int(), values.isfinite().int()))
        return told if known is None else torch.cat((told, _report(known, tokens)))

    def _adjust(self, logits: torch.Tensor, places: torch.Tensor, strength: torch.Tensor) -> None:
        seen = self._marks.index_select(0, places) > 0
        logits.copy_(penalties.weakened(logits, seen, strength))
        logits.add_(self._offsets.index_select(0, places))

    def _draw(
        self, needs: Needs, logits: torch.Tensor, numbers: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        real = numbers.view(torch.float32)[:, :, None]
        scaled = logits / real[Column.TEMPERATURE]
        if needs.filtered:
            cuts = filters.Cuts(real[Column.TOP_K], real[Column.TOP_P], real[Column.LOG_MIN_P])
            scaled.masked_fill_(scaled < filters.least(scaled, cuts), -torch.inf)
        keys = numbers[Column.KEY_1 : Column.KEY_2 + 1].t()
        noisy = noise.gumbel(keys, self._hashes).mul_(real[Column.WARM]).add_(scaled)
        values, tokens = noisy.max(-1)
        return values, tokens

    def _note(self, tokens: torch.Tensor, numbers: torch.Tensor, real: torch.Tensor) -> None:
        where = numbers[Column.PLACE].long(), tokens
        marks = self._marks[where]
        lower = torch.where(marks >= USED, real[Column.AGAIN], real[Column.FIRST])
        self._offsets.index_put_(where, self._offsets[where] - lower)
        self._marks.index_put_(where, marks | numbers[Column.MARK].to(torch.uint8))


def _report(known: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    """`[1 + 2 * likeliest, rows]`: the model's own log-probabilities, as bits, and whose."""
    own = known.gather(1, tokens[:, None])
    values, ids = known.topk(min(LIKELIEST, known.shape[1]))
    parts = own.view(torch.int32), ids.int(), values.view(torch.int32)
    return torch.cat(parts, 1).t()
