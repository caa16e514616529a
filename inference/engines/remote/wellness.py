"""Whether anybody answers at a remote row's servers, for whoever has no event loop to ask from."""

import ssl
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Final

import httpx

from inference.engines.remote.address import BadRemote, RemoteAddress
from inference.engines.remote.checking import NOT_THERE

FRESH_SECONDS: Final = 5.0
PATIENCE: Final = 1.0
AT_ONCE: Final = 16
_answered: dict[str, tuple[float, bool]] = {}


def any_answers(engine: str) -> bool:
    """Of a row's address, as it was at most `FRESH_SECONDS` ago."""
    ask_all([engine])
    return any(_answered[url][1] for url in _urls(engine))


def ask_all(engines: Iterable[str]) -> None:
    """Ask the servers of all these rows side by side, as far as they were not asked just now."""
    now = time.monotonic()
    urls = {url for engine in engines for url in _urls(engine)}
    stale = [url for url in urls if url not in _answered or _answered[url][0] < now]
    if stale:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for url, well in zip(stale, pool.map(answers, stale), strict=True):
                _answered[url] = (time.monotonic() + FRESH_SECONDS, well)


def answers(url: str) -> bool:
    """As the engine's own checks see it; the server is not told our key."""
    try:
        told = httpx.get(
            f"{url}/models",
            timeout=PATIENCE,
            follow_redirects=False,
            trust_env=False,
            verify=_trusted(),
        )
    except httpx.HTTPError:
        return False
    return told.status_code not in NOT_THERE


def forget() -> None:
    """Ask again at once (a test's wish)."""
    _answered.clear()


@cache
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


def _urls(engine: str) -> tuple[str, ...]:
    try:
        return RemoteAddress.read(engine).urls
    except BadRemote:
        return ()
