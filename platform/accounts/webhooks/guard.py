"""Where a webhook may go: a public address that we resolved ourselves, and nowhere else.

The name is resolved once and the connection goes to the address that was judged, so that a name
which answers differently the second time leads nowhere new.
"""

import ipaddress
import socket
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_SITE_LOCAL: Final = ipaddress.ip_network("fec0::/10")  # deprecated, and global to Python


class NotAllowed(ValueError):
    """The address may not be called; the message says why."""


class NotFound(Exception):
    """Its name leads nowhere now: so does every name while our resolver is away."""


@dataclass(frozen=True, slots=True)
class Target:
    """`address` is an IP address of `host`."""

    host: str
    port: int
    address: str
    url: SplitResult

    @property
    def pinned_url(self) -> str:
        """The same URL with the address in place of the name."""
        bare = f"[{self.address}]" if ":" in self.address else self.address
        return self.url._replace(netloc=f"{bare}:{self.port}").geturl()

    @property
    def named(self) -> str:
        """The URL's own name, as a Host header has it."""
        name = self.host.encode("idna").decode()
        bare = f"[{name}]" if ":" in name else name
        return bare if self.url.port is None else f"{bare}:{self.url.port}"


def check(url: str) -> SplitResult:
    """What can be said without asking the network. Raises NotAllowed."""
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise NotAllowed(_("This is no URL.")) from error
    if not url.isprintable():
        raise NotAllowed(_("A webhook's URL holds no control characters."))
    schemes = {"https", "http"} if settings.WEBHOOKS_MAY_CALL_PRIVATE else {"https"}
    if parts.scheme not in schemes or not parts.hostname or port == 0:
        raise NotAllowed(_("A webhook goes to an https:// URL."))
    if parts.username is not None or parts.password is not None:
        raise NotAllowed(_("A webhook's URL holds no user name or password."))
    if _is_address(parts.hostname):
        _require_public(parts.hostname)
    return parts


def resolve(url: str) -> Target:
    """Every address of the name must be public, or it is refused as a whole.

    Raises NotAllowed, NotFound.
    """
    parts = check(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotFound(f"The name {host} leads nowhere.") from error
    addresses = [str(info[4][0]) for info in found]
    for address in addresses:
        _require_public(address)
    return Target(host, port, addresses[0], parts)


def _require_public(address: str) -> None:
    if settings.WEBHOOKS_MAY_CALL_PRIVATE:
        return
    parsed = ipaddress.ip_address(address.partition("%")[0])
    for one in (parsed, *_inside(parsed)):
        if not one.is_global or one.is_multicast or one.is_reserved or one in _SITE_LOCAL:
            raise NotAllowed(_("A webhook may not go to a private or local address."))


def _inside(address: Address) -> list[Address]:
    """IPv4 addresses that an IPv6 one carries: a gateway would take the call there."""
    if not isinstance(address, ipaddress.IPv6Address):
        return []
    carried = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if address in _NAT64:
        carried.append(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    return [one for one in carried if one is not None]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
