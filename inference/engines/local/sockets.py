"""Addresses of engines, `unix:PATH` or `tcp:HOST:PORT`: how to listen there and how to connect."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

ProtocolType = TypeVar("ProtocolType", bound=asyncio.BaseProtocol)

LONGEST_PATH = 107  # what sockaddr_un holds
# A host that is gone says nothing: after ten silent seconds it is asked, after 15 more given up.
GONE: Final = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 25_000}


class BadAddress(Exception):
    """The address cannot be used; the text says why and what to do."""


def is_tcp(address: str) -> bool:
    return address.startswith("tcp:")


def check(address: str) -> None:
    """Say now what would only fail after minutes of loading. Raises BadAddress."""
    if is_tcp(address):
        _host_and_port(address)
    elif _somebody_listens(_path(address)):
        raise BadAddress(f"Another engine listens at {_path(address)}. Stop it first.")


async def connect(
    address: str, factory: Callable[[], ProtocolType]
) -> tuple[asyncio.BaseTransport, ProtocolType]:
    """Raises OSError when nobody listens."""
    loop = asyncio.get_running_loop()
    if is_tcp(address):
        transport, protocol = await loop.create_connection(factory, *_host_and_port(address))
        _notice_the_end(transport.get_extra_info("socket"))
        return transport, protocol
    return await loop.create_unix_connection(factory, _path(address))


async def listen(address: str, factory: Callable[[], asyncio.BaseProtocol]) -> asyncio.Server:
    """Raises BadAddress. A socket file is open to this user alone; a stale one is replaced."""
    loop = asyncio.get_running_loop()
    try:
        if is_tcp(address):
            server = await loop.create_server(factory, *_host_and_port(address))
            for listening in server.sockets:
                _notice_the_end(listening)  # so do those that it accepts
            return server
        return await loop.create_unix_server(factory, sock=_bound(_path(address)))
    except OSError as error:
        raise BadAddress(f"Cannot listen at {address}: {error.strerror or error}.") from error


def remove(address: str) -> None:
    if not is_tcp(address):
        Path(_path(address)).unlink(missing_ok=True)


def _notice_the_end(connection: socket.socket) -> None:
    """Without it what runs on a host that lost its power waits until its own time is up."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in GONE.items():
        if option := getattr(socket, name, None):  # each system has some of them
            connection.setsockopt(socket.IPPROTO_TCP, option, value)


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.removeprefix("tcp:").removeprefix("//").rpartition(":")
    if not host or not port.isdecimal():
        raise BadAddress(f"{address} is not an address: write tcp:HOST:PORT.")
    return host.strip("[]"), int(port)


def _path(address: str) -> str:
    path = address.removeprefix("unix:")
    if path == address or not path:
        raise BadAddress(f"{address} is not an address: write unix:PATH or tcp:HOST:PORT.")
    if len(os.fsencode(path)) > LONGEST_PATH:
        raise BadAddress(f"{path} is too long for a socket: at most {LONGEST_PATH} bytes.")
    return path


def _bound(path: str) -> socket.socket:
    _remove_stale(path)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    former = os.umask(0o177)
    try:
        listening.bind(path)
    except OSError:
        listening.close()
        raise
    finally:
        os.umask(former)
    return listening


def _remove_stale(path: str) -> None:
    if Path(path).is_socket() and not _somebody_listens(path):
        Path(path).unlink(missing_ok=True)


def _somebody_listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(path) == 0
