"""The widget's built script, read once: its bytes, its names, the hash that strict sites pin."""

import base64
import gzip
import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Final

from django.conf import settings

FOLDER: Final = settings.BASE_DIR / "widget" / "v1"
_DIGITS: Final = 16


@dataclass(frozen=True, slots=True)
class Script:
    """`integrity` is what a `<script integrity="…">` says; `gzipped` holds the same bytes."""

    body: bytes
    gzipped: bytes
    digest: str
    integrity: str
    version: str

    @property
    def pinned(self) -> str:
        """The address that never means other bytes."""
        return f"/widget/v1/chat.{self.digest}.js"

    @property
    def told(self) -> dict[str, object]:
        return {
            "version": self.version,
            "url": "/widget/v1/chat.js",
            "pinned_url": self.pinned,
            "integrity": self.integrity,
            "bytes": len(self.body),
            "gzipped_bytes": len(self.gzipped),
        }


@cache  # it changes with a deploy, and a deploy is a new process
def current() -> Script:
    body = (FOLDER / "chat.js").read_bytes()
    return Script(
        body=body,
        gzipped=gzip.compress(body, 9, mtime=0),
        digest=hashlib.sha256(body).hexdigest()[:_DIGITS],
        integrity=f"sha384-{base64.b64encode(hashlib.sha384(body).digest()).decode()}",
        version=str(json.loads((FOLDER.parent / "package.json").read_text())["version"]),
    )


@cache
def style() -> bytes:
    """Of the hosted page around the widget."""
    return (FOLDER.parent / "hosted.css").read_bytes()


@cache
def entrance() -> bytes:
    """Of the same page: who comes with a token."""
    return (FOLDER.parent / "hosted.js").read_bytes()
