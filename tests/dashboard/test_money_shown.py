"""How money is set: quiet leading zeros, places by column, never nothing for something."""

import pytest

from dashboard.money import amount, html


@pytest.mark.parametrize(
    ("nano", "places", "quiet", "loud"),
    [
        (43_000, 6, "$0.0000", "43"),
        (14_213_406_000, 6, "", "$14.213406"),
        (220_000_000, 2, "$0.", "22"),
        (0, 4, "$0.0000", ""),
        (43, 6, "$0.0000000", "4"),
        (1_234_567_890_000, 2, "", "$1,234.57"),
    ],
)
def test_leading_zeros_step_back(nano: int, places: int, quiet: str, loud: str) -> None:
    shown = amount(nano, places)
    assert (shown.quiet, shown.loud) == (quiet, loud)


def test_what_is_taken_has_a_minus_before_the_sign_of_the_currency() -> None:
    assert html(-123_000) == '<span class="money">\N{MINUS SIGN}<i>$0.000</i>123</span>'
