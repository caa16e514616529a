"""Static files by name and content: `…/base.css?v=3f9c2a…` may be kept for a year.

Nothing is collected or copied: files are served straight from the packages that bring them.
"""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Final

from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage

DIGITS: Final = 12
_NAMED_BY_SHEETS: Final = (".woff2",)
"""Style sheets name these themselves, and one file has one address."""


class HashedNames(StaticFilesStorage):
    def url(self, name: str | None) -> str:
        address = super().url(name)
        if not name or name.endswith(_NAMED_BY_SHEETS):
            return address
        mark = _digest(name)
        return f"{address}?v={mark}" if mark else address


@lru_cache(maxsize=512)
def _digest(name: str) -> str:
    found = finders.find(name)
    if not isinstance(found, str):
        return ""
    return hashlib.sha256(Path(found).read_bytes()).hexdigest()[:DIGITS]
