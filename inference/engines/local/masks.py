"""Which tokens may come next in rows that are held to a grammar; free rows pay nothing.

The masks are computed by the grammars' processes while the model computes the step.
"""

from collections.abc import Iterable
from collections.abc import Sequence as Rows

import numpy as np
import torch

from inference.engines.local.grammar_process import MASKS, TAKE
from inference.engines.local.grammars import LOST, Grammar, Matcher
from inference.engines.local.sequences import Sequence


class Mask:
    """What is forbidden to some of a step's rows."""

    def __init__(self, held: dict[Grammar, list[int]]) -> None:
        self._held = held

    def wait(self) -> tuple[torch.Tensor, list[int]]:
        """For the masks: `[rows, vocabulary]`, on the host, and whose they are."""
        parts = []
        for grammar, rows in self._held.items():
            part = grammar.keeper.forbidden[: len(rows)]
            if not grammar.keeper.answer():
                part[:] = False  # it is gone: `advance` will tell
            parts.append(part)
        forbidden = torch.from_numpy(parts[0] if len(parts) == 1 else np.concatenate(parts))
        return forbidden, [row for rows in self._held.values() for row in rows]

    def apply(self, logits: torch.Tensor) -> None:
        """Waits for them. Forbidden tokens' logits become -inf, in place."""
        forbidden, rows = self.wait()
        if rows == list(range(len(logits))):
            logits.masked_fill_(forbidden, -torch.inf)
        else:
            logits[rows] = logits[rows].masked_fill_(forbidden, -torch.inf)


def begin(rows: Rows[Sequence]) -> Mask | None:
    """Start computing; None when no row is held to a grammar."""
    held = _by_grammar((row.matcher, index) for index, row in enumerate(rows))
    for grammar, numbered in held.items():
        grammar.keeper.ask(MASKS, [matcher.place for matcher, _ in numbered])
    if not held:
        return None
    return Mask({grammar: [row for _, row in numbered] for grammar, numbered in held.items()})


def advance(rows: Rows[Sequence], tokens: Rows[int | None]) -> None:
    """Take the chosen tokens in; the matchers then tell what has ended or failed."""
    held = _by_grammar((row.matcher, token) for row, token in zip(rows, tokens, strict=True))
    for grammar, taken in held.items():
        grammar.keeper.ask(TAKE, [n for matcher, token in taken for n in matcher.take(token)])
    for grammar, taken in held.items():
        states = grammar.keeper.answer() or bytes([LOST]) * len(taken)
        for (matcher, _), state in zip(taken, states, strict=True):
            matcher.stands(state)


def _by_grammar(
    pairs: Iterable[tuple[Matcher | None, int | None]],
) -> dict[Grammar, list[tuple[Matcher, int]]]:
    held: dict[Grammar, list[tuple[Matcher, int]]] = {}
    for matcher, number in pairs:
        if matcher and number is not None and not matcher.ended:
            held.setdefault(matcher.grammar, []).append((matcher, number))
    return held
