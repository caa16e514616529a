"""X-Forwarded-For counts only as far as proxies that we trust vouch for it."""

import pytest
from pytest_django import Settings

from api import addresses


@pytest.mark.parametrize(
    ("trusted", "peer", "forwarded", "client"),
    [
        ([], "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (["10.0.0.0/8"], "203.0.113.9", "198.51.100.1", "203.0.113.9"),
        (["10.0.0.0/8"], "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.1", "1.1.1.1, 198.51.100.1, 10.0.0.7", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.1", None, "10.0.0.1"),
        (["10.0.0.0/8"], "::ffff:10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.1", "not an address", None),
        (["10.0.0.0/8"], None, "198.51.100.1", None),
    ],
)
def test_the_client_is_the_nearest_address_that_no_trusted_proxy_has(
    settings: Settings,
    trusted: list[str],
    peer: str | None,
    forwarded: str | None,
    client: str | None,
) -> None:
    settings.TRUSTED_PROXIES = trusted
    assert addresses.client(peer, forwarded) == client


def test_the_header_of_a_scope_is_read_in_all_its_lines(settings: Settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]
    lines = [(b"x-forwarded-for", b"1.1.1.1"), (b"x-forwarded-for", b"198.51.100.1")]
    assert addresses.of_scope({"client": ("10.0.0.1", 1), "headers": lines}) == "198.51.100.1"


def test_networks_hold_their_own_version_only() -> None:
    assert addresses.within("198.51.100.1", ["2001:db8::/32", "198.51.100.0/24"])
    assert not addresses.within("2001:db8::1", ["198.51.100.0/24"])
    assert not addresses.within(None, ["0.0.0.0/0"])
