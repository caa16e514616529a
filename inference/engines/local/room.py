"""Room in the cache for the rows of a batch; and who gives way when there is too little.

Where tokens need room as they come, it may be short of what all the rows together want. Then the
newest one leaves, and is computed again, with what it has said, as soon as there is room: nobody
sees more of that than a pause.
"""

from inference.engines.local.batch import Batch
from inference.engines.local.kv import Cache
from inference.engines.local.prefixes import PrefixCache
from inference.engines.local.sequences import Sequence, Submission


class Room:
    """Used by the loop's thread alone."""

    def __init__(self, batch: Batch, cache: Cache, prefixes: PrefixCache) -> None:
        self._batch, self._cache, self._prefixes = batch, cache, prefixes
        self._outside: list[Sequence] = []
        self.given_way = 0  # times, since the start

    @property
    def rows(self) -> list[Sequence]:
        """All that have begun and have not ended."""
        return self._batch.rows + self._outside

    @property
    def is_wanted(self) -> bool:
        """By rows that gave way: nobody else comes in before them."""
        return bool(self._outside)

    def fits(self, submission: Submission) -> bool:
        """Its prompt, and another block for everybody: or somebody gave way at once."""
        known = self._prefixes.in_use(submission)
        rows = self._rows_with(submission.sampling.n)
        return self._cache.has_room(len(submission.prompt), known, rows)

    def enter(self, row: Sequence) -> None:
        """Have it begin with what is known of its prompt, and have room for the rest."""
        self._batch.admit(row)
        row.length = self._prefixes.fill(row.submission, row.slot)
        if not self._cache.extend(row.slot, row.length, len(row.prompt)):
            raise RuntimeError("a row was let in that does not fit")

    def return_those_who_left(self) -> None:
        """As many as fit, the oldest first."""
        while self._outside:
            row = min(self._outside, key=_age)
            choices = 1 + len(row.forks)
            fits = self._cache.has_room(len(row.prompt), 0, self._rows_with(choices))
            if self._batch.free < choices or not fits:
                return
            self._outside.remove(row)
            self.enter(row)

    def extends(self, decoding: list[Sequence]) -> bool:
        """Whether each of them can write its next token."""
        extend = self._cache.extend
        return not self._cache.paged or all(
            extend(row.slot, row.length, row.length + 1) for row in decoding
        )

    def make(self) -> None:
        """For the next token of all that decode, the oldest first, at the newest one's expense."""
        if self.extends(self._batch.decoding):
            return
        for row in sorted(self._batch.decoding, key=_age):
            while row.slot >= 0 and not self.extends([row]):
                self._give_way(max(self._batch.rows, key=_age))

    def leave(self, row: Sequence) -> None:
        """For good, from wherever it is."""
        if row.slot >= 0:
            self._batch.remove(row)
        else:
            self._outside.remove(row)

    def _rows_with(self, choices: int) -> int:
        """Who wants a block soon; nobody counts where nobody runs, as one must always fit."""
        running = len(self._batch.rows)
        return running + choices - 1 if running else 0

    def _give_way(self, row: Sequence) -> None:
        if not row.generated:  # so nobody knows yet whether its numbers are any
            self._cache.clear(row.slot, row.length)
        self._batch.remove(row)
        row.begin_anew()
        self._outside.append(row)
        self.given_way += 1


def _age(row: Sequence) -> tuple[int, int]:
    return row.age
