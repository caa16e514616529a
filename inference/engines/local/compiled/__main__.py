"""Makes the compiled code and keeps it on the disk, where engines find it."""

import os

from inference.engines.local.compiled import kinds

os.nice(19)  # somebody's steps run beside
for kind in kinds.KINDS.values():
    kinds.rehearse(kind)
