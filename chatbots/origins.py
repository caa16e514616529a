"""Which pages may hold a chatbot: the `Origin` of a call against its allowed origins.

An origin is no secret and no proof: whoever is not a browser can claim any. Budgets are the guard.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import idna

from chatbots.configuration import Configuration

_PORTS: Final = {"http": 80, "https": 443}
_LEAST_LABELS: Final = 2  # behind a wildcard: never a whole top-level domain
_LONGEST: Final = 512
_ORIGIN: Final = re.compile(
    r"(?P<scheme>https?)://(?P<wild>\*\.)?(?P<host>\[[^\]/\s]+\]|[^\[\]:/@?#*\\\s]+)"
    r"(:(?P<port>[0-9]{1,5}))?/?",
    re.IGNORECASE,
)
_HOST: Final = re.compile(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*|\[[0-9a-f:.]+\]")


@dataclass(frozen=True, slots=True)
class Origin:
    scheme: str
    host: str
    port: int
    wild: bool = False  # any name below `host`, and not `host` itself

    def covers(self, other: "Origin") -> bool:
        if (self.scheme, self.port) != (other.scheme, other.port):
            return False
        if self.wild:
            return other.host.endswith(f".{self.host}")
        return self.host == other.host


def allowed(configuration: Configuration, origin: str | None, own: str | None = None) -> bool:
    """Denied unless a pattern covers it. `own`: this server's origin, where its pages stand.

    A missing origin, and the `null` of sandboxed frames and files, are never allowed.
    """
    asked = parsed(origin or "")
    if asked is None or asked.wild:
        return False
    patterns = (*configuration.allowed_origins, *((own,) if own else ()))
    return any(pattern.covers(asked) for text in patterns if (pattern := parsed(text)))


@lru_cache(maxsize=4096)
def parsed(text: str) -> Origin | None:
    """`https://*.Bücher.example:8443` → its scheme, host in ASCII, port; None for what is none."""
    found = _ORIGIN.fullmatch(text) if len(text) <= _LONGEST else None
    host = _ascii(found["host"].lower()) if found else None
    if found is None or host is None:
        return None
    wild = bool(found["wild"])
    if wild and host.count(".") + 1 < _LEAST_LABELS:
        return None
    scheme = found["scheme"].lower()
    return Origin(scheme, host, int(found["port"] or _PORTS[scheme]), wild)


def _ascii(host: str) -> str | None:
    """As browsers spell it in `Origin`; None where that cannot be."""
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            return None
    return host if _HOST.fullmatch(host) else None
