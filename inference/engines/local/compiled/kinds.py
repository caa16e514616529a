"""The code, made or found for each kind of weights, and the threads that it runs on."""

import subprocess
import sys
from functools import cache
from typing import Any

import numba
import numpy as np
import torch

from inference.engines.local.compiled import rehearsal

KINDS = {getattr(torch, name): kind for name, kind in rehearsal.KINDS.items()}


@cache
def prepare(kind: np.dtype[Any]) -> None:
    """Takes seconds, the first time on a machine a quarter of a minute, nearly all of it in another
    process, of low priority: steps may run meanwhile. Raises ValueError where OpenMP is missing."""
    numba.config.THREADING_LAYER = "omp"  # torch's own threads: others would only wait beside them
    use_threads()
    subprocess.run([sys.executable, "-m", __package__], check=False)  # noqa: S603 - our own
    rehearsal.rehearse(kind)


def use_threads() -> int:
    """As many as torch uses in this thread."""
    threads = torch.get_num_threads()
    count = min(threads, int(numba.config.NUMBA_NUM_THREADS))
    numba.set_num_threads(count)
    torch.set_num_threads(threads)  # starting them told torch another number
    return count
