"""How much memory the KV cache of a model may take when nobody says."""

import os
from pathlib import Path

import torch

MEMINFO = Path("/proc/meminfo")
LIMIT = Path("/sys/fs/cgroup/memory.max")  # of the container, where there is one
USED = Path("/sys/fs/cgroup/memory.current")


def spare(device: torch.device, step: int = 0) -> int:
    """Most of what a GPU has left, but for `step` bytes that a step takes at most; of a machine a
    quarter, or half of what is free if that is less: other engines want to start as well."""
    if device.type == "cuda":
        torch.cuda.empty_cache()  # what loading left behind counts as free, too
        free = torch.cuda.mem_get_info(device)[0]
        return max(free - max(step, free // 5), 0)
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return min(total // 4, available() // 2)


def available() -> int:
    """What this machine, or the container that this is, could still give without swapping."""
    known = [each for each in (_unused_of_machine(), _unused_of_container()) if each is not None]
    return min(known, default=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2)


def _unused_of_machine() -> int | None:
    if not MEMINFO.exists():
        return None
    for line in MEMINFO.read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _unused_of_container() -> int | None:
    if not (LIMIT.exists() and USED.exists()):
        return None
    limit = LIMIT.read_text().strip()
    return None if limit == "max" else max(int(limit) - int(USED.read_text()), 0)
