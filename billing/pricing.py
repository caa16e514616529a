"""Turning tokens into money: pure integer arithmetic, no database.

Amounts are nano-dollars (1 USD = 10⁹), prices pico-dollars per token ($1 per million tokens =
10⁶). An amount is rounded up once per request, so nothing is served for less than it costs.
"""

import re
from dataclasses import dataclass
from decimal import Decimal

NANO = 1_000_000_000
_PICO_PER_NANO = 1_000
_PLAIN = re.compile(r"-?[0-9]{1,10}(\.[0-9]{1,30})?")  # no exponent, sign, space or other digits
_LARGEST = 9_000_000 * NANO  # what the ledger's 64-bit integers hold with room for sums


@dataclass(frozen=True, slots=True)
class Price:
    """Pico-dollars per token."""

    input: int
    cached_input: int
    output: int


def charge(price: Price, prompt: int, cached: int, completion: int) -> int:
    """Nano-dollars of a finished call; `cached` prompt tokens came from a prefix cache."""
    cached = min(cached, prompt)  # whatever an engine reports, nobody is paid for asking
    pico = (prompt - cached) * price.input + cached * price.cached_input + completion * price.output
    return -(-pico // _PICO_PER_NANO)


def hold_amount(price: Price, prompt: int, output_tokens_total: int) -> int:
    """Nano-dollars that a call can cost at most: no cached token, every choice at its limit."""
    return charge(price, prompt, 0, output_tokens_total)


def affordable_output(price: Price, prompt: int, choices: int, available: int) -> int | None:
    """Most output tokens for each choice that `available` nano-dollars pay; None: any number.

    Negative when not even the prompt is paid for.
    """
    left = available * _PICO_PER_NANO - prompt * price.input
    if price.output == 0:
        return None if left >= 0 else -1
    return left // (choices * price.output)


def usd(nano: int) -> str:
    """Exact decimal string: `usd(43_000)` → "0.000043", `usd(5 * NANO)` → "5.00"."""
    sign = "-" if nano < 0 else ""
    whole, fraction = divmod(abs(nano), NANO)
    digits = f"{fraction:09d}".rstrip("0").ljust(2, "0")
    return f"{sign}{whole}.{digits}"


def nano(amount: str | Decimal) -> int:
    """Nano-dollars of an exact USD amount. Raises ValueError for anything finer, huge or odd."""
    return _exactly(amount, 9, "nano-dollar (nine decimals)")


def price_per_million(usd_per_million: str | Decimal) -> int:
    """Pico-dollars per token of an exact price in USD per million tokens: "0.001" → 1,000."""
    return _exactly(usd_per_million, 6, "pico-dollar per token (six decimals)")


def _exactly(amount: str | Decimal, places: int, unit: str) -> int:
    text = f"{amount:f}" if isinstance(amount, Decimal) else amount
    if not _PLAIN.fullmatch(text):
        raise ValueError(f"{amount!r} is not a decimal number such as 12.50.")
    exact = Decimal(text)
    if abs(exact) > _LARGEST // NANO:
        raise ValueError(f"{amount} is not an amount in USD up to 9,000,000.")
    scaled = exact.scaleb(places)
    if scaled != int(scaled):
        raise ValueError(f"{amount} is finer than a {unit}.")
    return int(scaled)


def usd_per_million(pico: int) -> str:
    """The other way, exact: 1,000 → "0.001"."""
    return usd(pico * _PICO_PER_NANO)
