"""What docs/scaling-out.md reckons is reckoned from the README's figures, and rightly."""

import math
import re

from tests.running import ROOT

README = (ROOT / "README.md").read_text()
PAGE = (ROOT / "docs/scaling-out.md").read_text()
REDIS_MS, LIMITS, EVENTS, EVENT_MS = 0.12, 14_600, 375_000, 0.05
"""Of the page's own table (`bench.shared`): CPU of the web process a call and an event, rates."""
POWERS = "⁰¹²³⁴⁵⁶⁷⁸⁹"


def number(pattern: str, text: str) -> float:
    found = re.findall(pattern, text)
    assert len(found) == 1, f"{pattern}: {found}"
    return float(found[0].replace(",", ""))


REQUESTS = number(r"complete requests for each second.*\| ([\d,]+) \|\n", README)
STREAMS = number(r"complete streams of 64 tokens.*\| ([\d,]+) \|\n", README)
SINGLY = number(r"the same, every token sent by itself \|.*\| ([\d,]+) \|\n", README)
PAIRS = number(r"from 16 callers, ([\d,]+) from 64", README)


def near(told: float, reckoned: float) -> bool:
    return abs(told - reckoned) <= 0.05 * reckoned


def test_the_table_has_the_figures_of_the_readme() -> None:
    row = next(line for line in PAGE.splitlines() if line.startswith("| web process |"))
    (told,) = re.findall(
        r"([\d,]+) calls/s; ([\d,]+) tokens.*\(([\d,]+) streams.*?([\d,]+) when.*\((\d+)\)", row
    )
    calls, at_once, streams, alone, singly = (float(one.replace(",", "")) for one in told)
    assert (calls, streams, singly) == (REQUESTS, STREAMS, SINGLY)
    assert near(at_once, 64 * STREAMS)
    assert near(alone, 64 * SINGLY)
    assert number(r"money in Postgres \| ([\d,]+) hold-and-settle", PAGE) == PAIRS
    assert f"{LIMITS:,}" in PAGE
    assert f"{EVENTS:,}" in PAGE


def tokens_a_core(streams: float) -> float:
    return 64 / (1 / streams - 1 / REQUESTS)


CALLS_A_CORE = 1 / (1 / REQUESTS + REDIS_MS / 1000)


def test_the_formulas_follow_from_it() -> None:
    singly, calls = re.findall(r"`S · r / ([\d,]+) \+ c / ([\d,]+)` where each", PAGE)[0]
    at_once, _calls = re.findall(r"`S · r / ([\d,]+) \+ c / ([\d,]+)` where readers", PAGE)[0]
    assert near(float(singly.replace(",", "")), tokens_a_core(SINGLY))
    assert near(float(at_once.replace(",", "")), tokens_a_core(STREAMS))
    assert near(float(calls.replace(",", "")), CALLS_A_CORE)


def test_the_example_of_a_hundred_thousand_streams_follows_from_them() -> None:
    streams, rate, length, told_calls, told_tokens, tens = re.findall(
        r"\*\*10([⁰¹²³⁴⁵⁶⁷⁸⁹]) streams\*\* at (\d+) tokens/s, answers of (\d+) tokens: "
        r"10([⁰¹²³⁴⁵⁶⁷⁸⁹]) calls/s, (\d) · 10([⁰¹²³⁴⁵⁶⁷⁸⁹]) tokens/s",
        PAGE,
    )[0]
    tokens = 10 ** POWERS.index(streams) * int(rate)
    calls = tokens / int(length)
    assert calls == 10 ** POWERS.index(told_calls)
    assert tokens == int(told_tokens) * 10 ** POWERS.index(tens)
    least, most = (
        tokens / tokens_a_core(streams) + calls / CALLS_A_CORE for streams in (STREAMS, SINGLY)
    )
    told_least, told_most = re.findall(r"That is (\d+) to (\d+) web\ncores", PAGE)[0]
    assert near(float(told_least), least)
    assert near(float(told_most), most)
    assert near(number(r"cores; ([\d.]+) of a Redis core for limits", PAGE), calls / LIMITS)
    assert near(number(r"so cells, and (\d+) web cores", PAGE), tokens * EVENT_MS / 1000)
    assert near(number(r"web cores; ([\d.]+) times the money", PAGE), calls / PAIRS)
    assert math.ceil(tokens / EVENTS) == 6
    assert "which would be six Redis cores" in PAGE
    assert number(r"; (\d+) engines of 10⁴ tokens/s", PAGE) == tokens / 10**4
