"""The processor time of a process: a clock by which a busy machine makes nothing slower."""

import os
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")  # of a second


def processor_seconds(pid: int) -> float:
    """What all its threads have used, the ended ones, too."""
    told = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system = told[11:13]
    return (int(user) + int(system)) / _TICKS
