"""The code, made or found for each kind of weights, and the threads that it runs on."""

import subprocess
import sys
from functools import cache
from typing import Any

import numba
import numpy as np
import torch

from inference.engines.local.compiled import layout, step

KINDS: dict[torch.dtype, np.dtype[Any]] = {
    torch.float32: np.dtype(np.float32),
    torch.bfloat16: np.dtype(np.uint16),
}


@cache
def prepare(kind: np.dtype[Any]) -> None:
    """Takes seconds, the first time on a machine a quarter of a minute, nearly all of it in another
    process, of low priority: steps may run meanwhile. Raises ValueError where OpenMP is missing."""
    numba.config.THREADING_LAYER = "omp"  # torch's own threads: others would only wait beside them
    use_threads()
    subprocess.run([sys.executable, "-m", __package__], check=False)  # noqa: S603 - our own
    rehearse(kind)


def use_threads() -> int:
    """As many as torch uses in this thread."""
    threads = torch.get_num_threads()
    count = min(threads, int(numba.config.NUMBA_NUM_THREADS))
    numba.set_num_threads(count)
    torch.set_num_threads(threads)  # starting them told torch another number
    return count


def rehearse(kind: np.dtype[Any]) -> None:
    """One step of no rows of no layers."""
    room = np.zeros(256, np.float32)
    layers = np.zeros((0, layout.COLUMNS), np.int64)
    sizes = {"hidden": 4, "heads": 1, "kv_heads": 1, "width": 4, "inner": 4, "vocabulary": 0}
    at = room.ctypes.data
    places = dict.fromkeys(("embed", "norm", "output", "frequencies"), at)
    model = layout.Model(
        np.zeros(1, kind), layers, eps=0.0, scaling=1.0, stretch=1.0, context=4, **places, **sizes
    )
    marks, rows = np.zeros(layout.marks(model), np.int64), np.zeros((0, 3), np.int64)
    step.compute(model, layout.Work(rows, marks, at, at, at, at, at, at, 0, 1))
