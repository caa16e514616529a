"""What holds on every page: nothing for axe to find, no sideways scroll, light in weight."""

import gzip

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Response

from tests.browser.chromium import NARROW
from tests.browser.pages import TEAM_PAGES, Visitor

PAGES = list(TEAM_PAGES.values())
FIRST_LOAD = 100_000
WEIGHED = ("text/html", "text/css", "javascript")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing(browser: Browser, owner: Visitor, path: str, theme: str) -> None:
    context = owner.context(browser, theme)
    assert violations(owner.open(context, path)) == []
    context.close()


@pytest.mark.parametrize("path", PAGES)
def test_no_page_scrolls_sideways_on_a_narrow_phone(
    browser: Browser, owner: Visitor, path: str
) -> None:
    context = owner.context(browser, is_phone=True)
    page = owner.open(context, path)
    page.set_viewport_size(NARROW)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= NARROW["width"]
    assert violations(page) == []
    context.close()


@pytest.mark.parametrize("path", PAGES)
def test_the_first_load_is_light(browser: Browser, owner: Visitor, path: str) -> None:
    context = owner.context(browser)
    answers: list[Response] = []
    context.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - playwright marks what it is given
    owner.open(context, path).wait_for_load_state("networkidle")
    counted = [a for a in answers if any(k in a.headers.get("content-type", "") for k in WEIGHED)]
    assert counted
    weight = sum(len(gzip.compress(answer.body(), 9)) for answer in counted)
    assert weight <= FIRST_LOAD
    context.close()


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]
