"""Whose address a call comes from: the peer's, or what a trusted proxy says about it."""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest
from starlette.types import Scope

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def of_request(request: HttpRequest) -> str | None:
    return client(request.META.get("REMOTE_ADDR"), request.META.get("HTTP_X_FORWARDED_FOR"))


def of_scope(scope: Scope) -> str | None:
    peer = scope.get("client")
    forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
    return client(peer[0] if peer else None, b",".join(forwarded).decode("latin-1"))


def client(peer: str | None, forwarded: str | None) -> str | None:
    """The nearest address that is not one of `settings.TRUSTED_PROXIES` (CIDRs; default none)."""
    trusted = tuple(getattr(settings, "TRUSTED_PROXIES", ()))
    hops = [hop.strip() for hop in (forwarded or "").split(",") if hop.strip()]
    address = peer or None
    while address and hops and within(address, trusted):
        address = hops.pop()
    return address if address and _parsed(address) else None


def within(address: str | None, cidrs: Iterable[str]) -> bool:
    """False for what is no address; IPv4 written as IPv6 counts as IPv4."""
    parsed = _parsed(address or "")
    return parsed is not None and any(parsed in network(cidr) for cidr in cidrs)


@lru_cache(maxsize=4096)
def network(cidr: str) -> Network:
    """Raises ValueError for what is no CIDR (a zone, as in fe80::1%eth0/64, is none of ours)."""
    if "%" in cidr:
        raise ValueError("A network has no zone.")
    return ipaddress.ip_network(cidr, strict=False)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped
    return parsed
