"""Money as it is set on a page: quiet leading zeros, and digits enough that it is not nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.utils.safestring import SafeString, mark_safe

from api.numbers import written

REQUEST, PERIOD, CHIP, RATE = 6, 4, 2, 3
"""Places: of one request, of a period, of a balance in passing, of a million tokens' price."""
MOST: Final = 9  # nano-dollars
MINUS: Final = "\N{MINUS SIGN}"
_ONE: Final = 10**9
_MICRO: Final = 1000  # nano-dollars of the sixth place


@dataclass(frozen=True, slots=True)
class Amount:
    """`$0.000` + `043`: `quiet` steps back, `loud` counts; `sign` is empty or a minus."""

    sign: str
    quiet: str
    loud: str

    def __str__(self) -> str:
        return f"{self.sign}{self.quiet}{self.loud}"


def amount(nano: int, places: int = REQUEST) -> Amount:
    """More places than asked for where the amount would else read as nothing."""
    size, sign = abs(nano), MINUS if nano < 0 else ""
    while size and places < MOST and not round(size, places - MOST):
        places += 1
    text = f"${written(Decimal(size).scaleb(-MOST), places)}"
    if round(size, places - MOST) >= _ONE:
        return Amount(sign, "", text)
    digits = text.lstrip("$0.,")
    return Amount(sign, text[: len(text) - len(digits)], digits)


def places(column: Iterable[int]) -> int:
    """Of amounts that stand above their sum: six, or all nine where one of them has so many, so
    that what is shown adds up."""
    return MOST if any(nano % _MICRO for nano in column) else REQUEST


def rate(usd_per_million: str) -> str:
    """A price of a million tokens: one precision, and more only where it would lose digits."""
    given = len(usd_per_million.partition(".")[2])
    return "$" + written(Decimal(usd_per_million), max(given, RATE))


def html(nano: int, places: int = REQUEST) -> SafeString:
    shown = amount(nano, places)
    quiet = f"<i>{shown.quiet}</i>" if shown.quiet else ""
    said = f'<span class="money">{shown.sign}{quiet}{shown.loud}</span>'
    return mark_safe(said)  # noqa: S308 - digits and separators of ours
