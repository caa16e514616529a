"""Origins: denied unless a pattern covers scheme, host and port."""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from chatbots import origins
from chatbots.configuration import Configuration

LABEL = some.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
HOST = some.lists(LABEL, min_size=2, max_size=4).map(".".join)


def allows(pattern: str, origin: str | None, own: str | None = None) -> bool:
    patterns = [pattern] if pattern else []
    configuration = Configuration.model_construct(allowed_origins=patterns)
    return origins.allowed(configuration, origin, own)


@pytest.mark.parametrize(
    ("pattern", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("https://shop.example/", "https://shop.example"),
        ("https://shop.example:443", "https://shop.example"),
        ("https://SHOP.example", "https://shop.example"),
        ("https://shop.example", "HTTPS://Shop.Example:443"),
        ("http://localhost:3000", "http://localhost:3000"),
        ("http://[::1]:3000", "http://[::1]:3000"),
        ("https://*.example.com", "https://a.example.com"),
        ("https://*.example.com", "https://a.b.example.com"),
        ("https://*.example.com:8443", "https://a.example.com:8443"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("https://*.Bücher.example", "https://www.xn--bcher-kva.example"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_a_pattern_covers_what_it_says(pattern: str, origin: str) -> None:
    assert allows(pattern, origin)


@pytest.mark.parametrize(
    ("pattern", "origin"),
    [
        ("", "https://shop.example"),
        ("https://shop.example", None),
        ("https://shop.example", ""),
        ("https://shop.example", "null"),
        ("null", "null"),
        ("https://shop.example", "http://shop.example"),
        ("https://shop.example", "https://shop.example:8443"),
        ("https://shop.example", "https://shop.example.evil.example"),
        ("https://shop.example", "https://evilshop.example"),
        ("https://shop.example", "https://www.shop.example"),
        ("https://shop.example", "https://shop.example."),
        ("https://shop.example", "https://shop.example/path"),
        ("https://shop.example", "https://shop.example@evil.example"),
        ("https://shop.example", "https://evil.example#https://shop.example"),
        ("https://shop.example", "https://evil.example?https://shop.example"),
        ("https://shop.example", "https://evil.example\\.shop.example"),
        ("https://shop.example", " https://shop.example"),
        ("https://shop.example", "https://shop.example\n"),
        ("https://*.example.com", "https://example.com"),
        ("https://*.example.com", "https://evilexample.com"),
        ("https://*.example.com", "https://.example.com"),
        ("https://*.example.com", "https://*.example.com"),
        ("https://*.example.com", "https://a.example.com.evil.example"),
        ("https://*.com", "https://shop.com"),
        ("https://*", "https://shop.com"),
        ("*", "https://shop.com"),
        ("https://a.*.com", "https://a.b.com"),
        ("file:///", "file://"),
        ("https://shop.example:99999999", "https://shop.example"),
    ],
)
def test_what_no_pattern_covers_is_refused(pattern: str, origin: str | None) -> None:
    assert not allows(pattern, origin)


def test_the_servers_own_pages_are_allowed_and_only_those() -> None:
    own = "https://chat.example"
    assert allows("", "https://chat.example", own)
    assert not allows("", "http://chat.example", own)
    assert not allows("", "https://a.chat.example", own)
    assert not allows("", None, own)


@given(HOST, HOST)
def test_one_name_never_stands_for_another(one: str, other: str) -> None:
    assert allows(f"https://{one}", f"https://{other}") == (one == other)


@given(HOST, HOST)
def test_a_wildcard_covers_names_below_and_none_beside(base: str, other: str) -> None:
    pattern = f"https://*.{base}"
    assert allows(pattern, f"https://{other}.{base}")
    assert allows(pattern, f"https://{other}") == other.endswith(f".{base}")


@given(some.text(max_size=80))
def test_no_text_makes_trouble(text: str) -> None:
    assert not allows("https://shop.example", text) or text.lower().startswith("https://shop")
    allows(text, "https://shop.example")


def test_every_pattern_that_a_chatbot_takes_is_understood() -> None:
    taken = ["https://shop.example", "https://*.example.com", "http://localhost:3000"]
    configuration = Configuration(allowed_origins=taken)
    assert all(origins.parsed(pattern) for pattern in configuration.allowed_origins)
