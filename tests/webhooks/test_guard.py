"""Where webhooks may go: public https addresses, judged by what a name resolves to."""

import socket
from typing import Any

import pytest
from pytest_django import Settings

from accounts.webhooks import guard

PRIVATE = [
    "127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "0.0.0.0",  # noqa: S104 - refused here, not bound
    "100.64.0.1", "224.0.0.1", "255.255.255.255", "198.18.0.1", "[::1]", "[fe80::1]", "[fd00::1]",
    "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[2002:7f00:1::]", "[64:ff9b::7f00:1]",
    "[::]", "[ff02::1]", "[fec0::1]",
]  # fmt: skip


def names(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    def found(_host: str, port: int, **_options: Any) -> list[Any]:
        family = {False: socket.AF_INET, True: socket.AF_INET6}
        return [(family[":" in a], 1, 6, "", (a, port)) for a in addresses]

    monkeypatch.setattr("socket.getaddrinfo", found)


@pytest.mark.parametrize("address", PRIVATE)
def test_a_private_address_is_refused_as_written(address: str) -> None:
    with pytest.raises(guard.NotAllowed):
        guard.check(f"https://{address}/hook")


@pytest.mark.parametrize("address", [a.strip("[]") for a in PRIVATE])
def test_a_name_that_leads_to_a_private_address_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(monkeypatch, "93.184.215.14", address)
    with pytest.raises(guard.NotAllowed, match="private or local"):
        guard.resolve("https://hooks.example.com/")


def test_the_connection_goes_to_the_address_that_was_judged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names(monkeypatch, "93.184.215.14")
    target = guard.resolve("https://hooks.example.com/a?b=c")
    assert target.pinned_url == "https://93.184.215.14:443/a?b=c"
    assert target.host == "hooks.example.com"
    names(monkeypatch, "2606:2800:21f:cb07:6820:80da:af6b:8b2c")
    assert guard.resolve("https://hooks.example.com:8443/").pinned_url == (
        "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:8443/"
    )


@pytest.mark.parametrize(
    "url",
    ["http://example.com/", "ftp://example.com/", "https:///x", "https://u:p@example.com/",
     "https://example.com:0/", "https://example.com:99999/", "file:///etc/passwd", "https://[::1",
     "hooks.example.com", "", "https://example.com/\x01", "https://example.com/\ud800",
     "https://a..example.com/", "https://" + "a" * 64 + ".example.com/"],
)  # fmt: skip
def test_what_is_no_https_url_is_refused(url: str) -> None:
    with pytest.raises(guard.NotAllowed):
        guard.check(url)


def test_a_name_that_leads_nowhere_is_told() -> None:
    with pytest.raises(guard.NotFound, match="leads nowhere"):
        guard.resolve("https://nothing.invalid/")


def test_a_developer_may_call_their_own_machine(settings: Settings) -> None:
    settings.WEBHOOKS_MAY_CALL_PRIVATE = True
    assert guard.resolve("http://127.0.0.1:9000/hook").address == "127.0.0.1"


def test_a_name_of_another_alphabet_is_told_in_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    names(monkeypatch, "93.184.215.14")
    assert guard.resolve("https://b\u00fccher.example/").named == "xn--bcher-kva.example"
    assert guard.resolve("https://b\u00fccher.example:8443/").named == "xn--bcher-kva.example:8443"
    assert guard.resolve("https://[2606:2800:21f::1]:444/").named == "[2606:2800:21f::1]:444"
