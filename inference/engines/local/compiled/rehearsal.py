"""Calls the code once, so that it is made or found; without torch, which takes long to import."""

from typing import Any

import numpy as np

from inference.engines.local.compiled import layout, step

KINDS: dict[str, np.dtype[Any]] = {
    "float32": np.dtype(np.float32),
    "bfloat16": np.dtype(np.uint16),
}


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
    ranks, adapters = np.zeros(0, np.int64), np.zeros((0, 0, 0, 0), np.int64)
    rooms = dict.fromkeys(layout.ROOMS, at)
    shared = layout.Work(rows, ranks, adapters, marks, **rooms, scratch=at, bytes=0, pieces=1)
    step.compute(model, shared, 0)
