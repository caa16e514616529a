"""Sessions are listed by browsers that people know, not by what these say of themselves."""

import pytest

from accounts.templatetags.browsers import browser_name

LINUX = "Mozilla/5.0 (X11; Linux x86_64)"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)"
PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X)"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (f"{LINUX} AppleWebKit/537.36 Chrome/156.0 Safari/537.36", "Chrome on Linux"),
        (f"{WINDOWS} AppleWebKit/537.36 Chrome/156.0 Safari/537.36 Edg/156.0", "Edge on Windows"),
        (f"{WINDOWS} Gecko/20100101 Firefox/151.0", "Firefox on Windows"),
        (f"{PHONE} AppleWebKit/605 Version/19 Mobile Safari/604", "Safari on iPhone"),
        ("curl/8.5.0", "curl"),
        ("<script>" + "x" * 200, "<script>" + "x" * 52),
        ("", ""),
    ],
)
def test_a_browser_is_named(said: str, shown: str) -> None:
    assert browser_name(said) == shown
