"""How money is set: quiet leading zeros, places by column, never nothing for something."""

import pytest
from django.utils.translation import override

from dashboard.money import amount, html, rate
from dashboard.templatetags import show


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


def test_germans_read_their_own_separators() -> None:
    with override("de"):
        assert show.count(1912) == "1.912"
        assert show.or_dash(1_234_567) == "1.234.567"
        assert show.size(14_200_000) == "14,2 MB"
        assert str(amount(43_000)) == "$0,000043"
        assert (amount(43_000).quiet, amount(43_000).loud) == ("$0,0000", "43")
        assert rate("0.06") == "$0,060"
    assert show.count(1912) == "1,912"
    assert show.count(0.5) == "0.5"


def test_prices_have_one_number_of_decimals_and_lose_none() -> None:
    assert [rate(usd) for usd in ("0.05", "1.50", "0.0125")] == ["$0.050", "$1.500", "$0.0125"]
