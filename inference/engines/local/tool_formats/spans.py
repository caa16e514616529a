"""Which characters of a choice's text were content, for the log-probabilities of its tokens."""

from collections import deque


class Spans:
    """Told in order what was content and what was not; asked in order about stretches."""

    def __init__(self) -> None:
        self.told = 0  # characters, from the choice's beginning
        self._content: deque[tuple[int, int]] = deque()

    def keep(self, characters: int) -> None:
        start, self.told = self.told, self.told + characters
        if self._content and self._content[-1][1] == start:
            start = self._content.pop()[0]
        self._content.append((start, self.told))

    def drop(self, characters: int) -> None:
        self.told += characters

    def part(self, start: int, end: int) -> tuple[int, int]:
        """What of this stretch was content; empty if nothing was."""
        while self._content and self._content[0][1] <= start:
            self._content.popleft()
        if not self._content:
            return start, start
        first, last = self._content[0]
        return max(start, first), max(start, min(end, last))
