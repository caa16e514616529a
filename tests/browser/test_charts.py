"""What scripts draw reads as the server writes it: numbers and days in the page's language."""

import re

from playwright.sync_api import Browser

from tests.browser.pages import Visitor

HEAR = "CanvasRenderingContext2D.prototype.fillText = (text) => (window.said ??= []).push(text);"


def drawn(owner: Visitor, browser: Browser, language: str, page: str) -> tuple[list[str], str]:
    """The words of the chart's axes, and of its readout."""
    context = browser.new_context(storage_state=owner.state, locale=language)
    opened = owner.open(context, page)
    opened.wait_for_selector("svg.chart text")
    axes = opened.locator("svg.chart text").all_text_contents()
    readout = opened.locator("#readout").inner_text()
    context.close()
    return axes, readout


def test_bars_write_numbers_in_the_language_of_the_page(owner: Visitor, browser: Browser) -> None:
    german, told = drawn(owner, browser, "de-DE", "usage?metric=tokens&days=30")
    english, _told = drawn(owner, browser, "en-GB", "usage?metric=tokens&days=30")
    numbers = [mark for mark in english if re.fullmatch(r"\d{1,3}(,\d{3})+", mark)]
    assert len(numbers) > 2
    assert [mark.replace(",", ".") for mark in numbers] == [
        mark for mark in german if re.fullmatch(r"\d{1,3}(\.\d{3})+", mark)
    ]
    assert re.match(r"\d+\. \w+: [\d.]+ Token\b", told)


def test_bars_write_money_in_the_language_of_the_page(owner: Visitor, browser: Browser) -> None:
    axes, told = drawn(owner, browser, "de-DE", "usage?metric=cost&days=30")
    money = [mark for mark in axes if mark.startswith("$")]
    assert len(money) > 2
    assert all(re.fullmatch(r"\$\d+,\d+", mark) for mark in money)
    assert re.search(r": \$\d+,\d+", told)


def test_lines_write_days_in_the_language_of_the_page(owner: Visitor, browser: Browser) -> None:
    for language, day in (("de-DE", r"\d+\. \w+\.?"), ("en-GB", r"\d+ \w+")):
        context = browser.new_context(storage_state=owner.state, locale=language)
        context.add_init_script(HEAR)
        page = owner.open(context, "usage?metric=latency&days=30")
        page.wait_for_selector("chart-line canvas")
        said = page.evaluate("window.said")
        assert any(re.fullmatch(day, text) for text in said), said
        assert any(re.fullmatch(r"\d00", text) for text in said), "no milliseconds were drawn"
        context.close()
