"""Certificates of the world are read once a process, and not by each of thousands of HTTP clients.

That takes a client a thirtieth of a second of processor time, and ours ask servers on this machine,
in the clear.
"""

import ssl
from functools import cache


def install() -> None:
    ssl.create_default_context = cache(ssl.create_default_context)  # type: ignore[assignment]  # as called
