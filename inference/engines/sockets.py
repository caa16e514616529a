"""Where a model's engine listens: a private folder with a short path (sockets allow 107 bytes)."""

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path


def path_for(model_id: str, data_dir: Path) -> Path:
    """The socket of one model's engine; different data folders never meet."""
    return folder(data_dir) / f"e-{_short(model_id)}.sock"


def folder(data_dir: Path) -> Path:
    """The private folder of a data folder's sockets, made when it is missing.

    Raises PermissionError when somebody else has put something in its place.
    """
    place = Path(tempfile.gettempdir()) / f"smarter-{os.getuid()}-{_short(str(data_dir.resolve()))}"
    with contextlib.suppress(FileExistsError):
        place.mkdir(mode=0o700)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(
            f"{place} must be a folder that only this user can open. Remove it and start again."
        )
    return place


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:10]
