"""Makes the compiled code and keeps it on the disk, where engines find it."""

import os

from inference.engines.local.compiled import rehearsal

os.nice(5)  # somebody's steps run beside
for kind in rehearsal.KINDS.values():
    rehearsal.rehearse(kind)
