"""How many tokens a step may pack, so that streams beside a long prompt hardly notice it."""

from typing import Final

PAUSE_SECONDS: Final = 0.25  # between two tokens of a stream, at most about that long
FEWEST: Final = 64  # of a step: fewer would only make it all take longer
REMEMBERED: Final = 0.7  # of the pace, at each step


class Pace:
    """Learns how long a token of a prompt takes. Nobody waits: as many as `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seconds = 0.0  # for a token

    def tokens(self, *, somebody_waits: bool) -> int:
        if not (somebody_waits and self._seconds):
            return self._most
        return min(max(FEWEST, round(PAUSE_SECONDS / self._seconds)), self._most)

    def note(self, tokens: int, seconds: float) -> None:
        """A step that computed prompts; small ones say little of what a token takes."""
        if tokens >= min(FEWEST, self._most):
            each = seconds / tokens
            self._seconds = (
                REMEMBERED * self._seconds + (1 - REMEMBERED) * each if self._seconds else each
            )
