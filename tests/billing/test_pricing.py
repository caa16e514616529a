"""Tokens become money exactly, in Python and in Postgres alike."""

from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from billing import pricing
from billing.pricing import NANO, Price

tokens = st.integers(0, 2_000_000)
pico = st.integers(0, 1_000_000_000)
prices = st.tuples(pico, pico, pico).map(lambda p: Price(max(p[0], p[1]), min(p[0], p[1]), p[2]))


def test_one_token_at_the_cheapest_price_is_one_nano_dollar() -> None:
    assert pricing.charge(Price(1_000, 1_000, 2_000), 1, 0, 0) == 1


def test_a_charge_is_rounded_up_once_per_request() -> None:
    assert pricing.charge(Price(1, 1, 1), 1, 0, 1) == 1
    assert pricing.charge(Price(400, 400, 400), 2, 0, 1) == 2
    assert pricing.charge(Price(1, 1, 1), 0, 0, 0) == 0


def test_cached_tokens_cost_the_cached_price() -> None:
    assert pricing.charge(Price(1_000, 100, 0), 10, 10, 0) == 1
    assert pricing.charge(Price(1_000, 100, 0), 10, 0, 0) == 10


@given(prices, tokens, tokens, tokens)
def test_no_charge_passes_its_hold(price: Price, prompt: int, cached: int, output: int) -> None:
    cached = min(cached, prompt)
    assert pricing.charge(price, prompt, cached, output) <= pricing.hold_amount(
        price, prompt, output
    )


@given(prices, tokens, st.integers(1, 128), st.integers(0, 10**13))
def test_what_is_affordable_is_paid_for_and_one_token_more_is_not(
    price: Price, prompt: int, choices: int, available: int
) -> None:
    output = pricing.affordable_output(price, prompt, choices, available)
    if output is None:
        assert pricing.hold_amount(price, prompt, 10**9 * choices) <= available
    else:
        assert (output < 0) == (pricing.hold_amount(price, prompt, 0) > available)
        assert output < 0 or pricing.hold_amount(price, prompt, output * choices) <= available
        if price.output:
            assert pricing.hold_amount(price, prompt, (output + 1) * choices) > available


@pytest.mark.django_db
@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(prices, tokens, tokens, tokens)
def test_postgres_charges_what_python_charges(
    price: Price, prompt: int, cached: int, output: int
) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ledger_cost(%s, %s, %s, %s, %s, %s)",
            [prompt, cached, output, price.input, price.cached_input, price.output],
        )
        assert cursor.fetchone()[0] == pricing.charge(price, prompt, cached, output)


@given(st.integers(-(10**15), 10**15))
def test_dollars_are_exact_both_ways(nano: int) -> None:
    text = pricing.usd(nano)
    assert pricing.nano(text) == nano
    assert Decimal(text) * NANO == nano
    assert "e" not in text.lower()


@pytest.mark.parametrize(
    ("nano", "text"),
    [(43_000, "0.000043"), (5 * NANO, "5.00"), (-1, "-0.000000001"), (0, "0.00")],
)
def test_dollars_read_as_people_write_them(nano: int, text: str) -> None:
    assert pricing.usd(nano) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "NaN",
        "Infinity",
        "1e30",
        "0.0000000001",
        "1,5",
        "--1",
        "1e5",
        "1_0",
        " 1",
        "+1",
        "\u0661",
    ],
)
def test_no_amount_is_guessed(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        pricing.nano(text)


@pytest.mark.parametrize("text", ["0.0000015", "1e-3", "nine"])
def test_no_price_is_rounded(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        pricing.price_per_million(text)


def test_an_engine_that_reports_too_many_cached_tokens_never_makes_a_charge_negative() -> None:
    price = pricing.Price(input=1_000_000, cached_input=0, output=2_000_000)
    assert pricing.charge(price, prompt=2, cached=50, completion=1) == 2_000


def test_prices_per_million_are_exact_both_ways() -> None:
    assert pricing.price_per_million("0.001") == 1_000
    assert pricing.usd_per_million(1_000) == "0.001"
