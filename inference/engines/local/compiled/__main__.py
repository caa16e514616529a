"""Makes the compiled code for one kind of weights, and keeps it where engines find it."""

import fcntl
import os
import sys
from pathlib import Path

from inference.engines.local import lifetime
from inference.engines.local.compiled import rehearsal

lifetime.ends_with(os.getppid())
os.nice(5)  # somebody's steps run beside
with Path(__file__).open("rb") as one_at_a_time:
    fcntl.flock(one_at_a_time, fcntl.LOCK_EX)  # the next one finds what this one has made
    rehearsal.rehearse(rehearsal.KINDS[sys.argv[1]])
