"""The code, made or found for each kind of weights."""

import subprocess
import sys
from functools import cache

import torch

from inference.engines.local.compiled import rehearsal

KINDS = {getattr(torch, name): kind for name, kind in rehearsal.KINDS.items()}


class NotMade(Exception):
    """Why there is no such code."""


@cache
def prepare(kind: torch.dtype) -> None:
    """Takes a second, the first time on a machine a quarter of a minute, nearly all of it in a
    process of low priority: steps may run meanwhile. Raises NotMade."""
    name = str(kind).removeprefix("torch.")
    command = [sys.executable, "-m", __package__, name]
    made = subprocess.run(command, check=False, capture_output=True)  # noqa: S603 - our own
    if made.returncode:
        raise NotMade(made.stderr.decode(errors="replace").strip().rpartition("\n")[2])
    rehearsal.rehearse(KINDS[kind])
