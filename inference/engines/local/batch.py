"""The running sequences and their slots: decoding ones first, then those still in their prompt.

Slot numbers equal positions in `rows`, without a hole, so that the cache of all decoding rows is
one view. Whoever leaves is replaced by the last of its kind.
"""

from inference.engines.local.kv import Cache
from inference.engines.local.sequences import Chunk, Sequence

SMALLEST_CHUNK = 16
MOST_SCORED = 128  # prompt tokens a step whose whole logits are held at once


class Batch:
    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self.rows: list[Sequence] = []
        self._decoding = 0
        self._promised = 0  # slots kept for forks of prompts still being computed

    @property
    def decoding(self) -> list[Sequence]:
        return self.rows[: self._decoding]

    @property
    def free(self) -> int:
        return self._cache.slots - len(self.rows) - self._promised

    @property
    def in_prompt(self) -> list[Sequence]:
        return self.rows[self._decoding :]

    def chunks(self, budget: int) -> list[Chunk]:
        """Prompt work of one step. The oldest prompt may take half of the budget, then the
        shortest remainders go first: a long prompt neither stalls others nor starves."""
        waiting = self.in_prompt
        if not waiting:
            return []
        budget = max(budget, SMALLEST_CHUNK)
        oldest = min(waiting, key=lambda row: row.admission)
        kept = min(oldest.remaining_prompt, budget // 2)
        waiting.sort(key=lambda row: (row is oldest, row.remaining_prompt))
        chunks, scored = [], MOST_SCORED
        for row in waiting:
            size = min(row.remaining_prompt, budget if row is oldest else budget - kept)
            if row.scored:
                size = min(size, scored)
                scored -= size
            if size > 0:
                chunks.append(Chunk(row, row.length, row.length + size))
                budget -= size
        return chunks

    def admit(self, row: Sequence) -> None:
        self._promised += len(row.forks)
        self._append(row)

    def start_decoding(self, row: Sequence) -> list[Sequence]:
        """The prompt is computed: join the decoding rows, and let the other choices have it."""
        boundary = self.rows[self._decoding]
        if boundary is not row:
            self._cache.swap(row.slot, boundary.slot, max(row.length, boundary.length))
            self.rows[row.slot], self.rows[boundary.slot] = boundary, row
            row.slot, boundary.slot = boundary.slot, row.slot
        self._decoding += 1
        forks, row.forks = row.forks, []
        self._promised -= len(forks)
        for fork in forks:
            self._fork(row, fork)
        return [row, *forks]

    def remove(self, row: Sequence) -> None:
        self._promised -= len(row.forks)
        hole = row.slot
        self._cache.release(hole)
        if hole < self._decoding:
            self._decoding -= 1
            hole = self._move(self._decoding, hole)
        self._move(len(self.rows) - 1, hole)
        self.rows.pop()
        row.slot = -1

    def _fork(self, parent: Sequence, fork: Sequence) -> None:
        fork.length = parent.length
        if self._decoding < len(self.rows):
            moved = self.rows[self._decoding]
            self._cache.move(moved.slot, len(self.rows), moved.length)
            self._append(moved)
            self.rows[self._decoding] = fork
            fork.slot = self._decoding
        else:
            self._append(fork)
        self._cache.fork(parent.slot, fork.slot, fork.length)
        self._decoding += 1

    def _append(self, row: Sequence) -> None:
        row.slot = len(self.rows)
        self.rows.append(row)

    def _move(self, source: int, target: int) -> int:
        """Fill `target` from `source`; returns the slot that is now the hole."""
        if source != target:
            row = self.rows[source]
            self._cache.move(source, target, row.length)
            self.rows[target] = row
            row.slot = target
        return source


def sampled(decoding: list[Sequence], chunks: list[Chunk]) -> tuple[list[Sequence], list[int]]:
    """Rows that get a token in this step, and the place of each one's logits: choices of a prompt
    that is now complete share theirs."""
    rows, where = list(decoding), list(range(len(decoding)))
    completed = [chunk.sequence for chunk in chunks if chunk.completes_prompt]
    for index, sequence in enumerate(completed, start=len(decoding)):
        rows += [sequence, *sequence.forks]
        where += [index] * (1 + len(sequence.forks))
    return rows, where
