"""Which tokens may come next in rows that are held to a grammar; free rows pay nothing.

The masks are computed in a thread of their own while the model computes the step.
"""

from collections.abc import Sequence as Rows
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import torch
from llguidance import LLExecutor, LLMatcher

from inference.engines.local.sequences import Sequence

THREADS = 2


class Mask:
    """What is forbidden to some of a step's rows."""

    def __init__(self, rows: list[int], forbidden: Future[npt.NDArray[np.bool_]]) -> None:
        self._rows = rows
        self._forbidden = forbidden

    def apply(self, logits: torch.Tensor) -> None:
        """Waits for the masks. Forbidden tokens' logits become -inf, in place."""
        forbidden = torch.from_numpy(self._forbidden.result()).to(logits.device)
        if len(self._rows) == len(logits):
            logits.masked_fill_(forbidden, -torch.inf)
        else:
            logits[self._rows] = logits[self._rows].masked_fill_(forbidden, -torch.inf)


class Masks:
    """Used by the step loop's thread alone."""

    def __init__(self, vocabulary: int) -> None:
        self._vocabulary = vocabulary
        self._threads = LLExecutor(THREADS)
        self._thread = ThreadPoolExecutor(1, "masks")  # one job at a time

    def begin(self, rows: Rows[Sequence]) -> Mask | None:
        """Start computing; None when no row is held to a grammar."""
        held = [index for index, row in enumerate(rows) if row.matcher]
        if not held:
            return None
        matchers = [row.matcher.inner for row in rows if row.matcher]
        return Mask(held, self._thread.submit(self._compute, matchers))

    def advance(self, rows: Rows[Sequence], tokens: Rows[int | None]) -> None:
        """Take the chosen tokens in; the matchers then tell what has ended or failed."""
        taken = [
            (row.matcher.inner, token)
            for row, token in zip(rows, tokens, strict=True)
            if row.matcher and token is not None
        ]
        if taken:
            self._threads.consume_token_par(taken)

    def _compute(self, matchers: list[LLMatcher]) -> npt.NDArray[np.bool_]:
        words = np.zeros((len(matchers), (self._vocabulary + 31) // 32), dtype=np.int32)
        self._threads.unsafe_compute_mask_ptr(
            [(matcher, index) for index, matcher in enumerate(matchers)],
            words.ctypes.data,
            words.shape[1] * words.itemsize,
            len(matchers),
        )
        np.invert(words, out=words)
        bits = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
        return bits[:, : self._vocabulary].view(np.bool_)
