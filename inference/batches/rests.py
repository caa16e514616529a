"""Models that could not answer: their lines wait, a while longer each time; others go on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SHORTEST: Final = 1.0  # seconds
LONGEST: Final = 120.0


@dataclass(slots=True)
class _Rest:
    until: float
    pause: float


class Rests:
    def __init__(self) -> None:
        self._rests: dict[str, _Rest] = {}

    def begin(self, model: str) -> None:
        """Failures of lines that ran at the same time are one."""
        now, rest = time.monotonic(), self._rests.get(model)
        if rest is None:
            self._rests[model] = _Rest(now + SHORTEST, SHORTEST)
        elif rest.until <= now:
            rest.pause = min(2 * rest.pause, LONGEST)
            rest.until = now + rest.pause

    def end(self, model: str) -> None:
        self._rests.pop(model, None)

    def models(self) -> Sequence[str]:
        """Those that rest now."""
        now = time.monotonic()
        return [model for model, rest in self._rests.items() if rest.until > now]
