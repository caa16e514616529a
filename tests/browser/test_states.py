"""Dialogs, menus and pages of one thing: nothing for axe to find in them either."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.pages import Visitor
from tests.browser.test_every_page import violations


def _create(page: Page) -> None:
    page.get_by_role("button", name="Create key").first.click()


def _shown(page: Page) -> None:
    _create(page)
    page.get_by_label("Name").fill("For axe")
    page.locator("dialog[open] button[type=submit]").click()
    page.wait_for_selector("#new-key")


def _palette(page: Page) -> None:
    page.keyboard.press("Control+k")
    page.wait_for_selector(".palette[open] li")


def _menu(page: Page) -> None:
    page.locator(".team").click()


def _first(page: Page) -> None:
    page.locator("tbody th a").first.click()
    page.wait_for_load_state()


def _top_up(page: Page) -> None:
    page.get_by_role("button", name="Top up").click()


STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "creating a key": ("api-keys", _create),
    "a key, shown once": ("api-keys", _shown),
    "one key": ("api-keys", _first),
    "the palette": ("overview", _palette),
    "the menu of teams": ("overview", _menu),
    "one run": ("runs", _first),
    "one file": ("files", _first),
    "topping up": ("billing", _top_up),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(browser: Browser, owner: Visitor, state: str, theme: str) -> None:
    path, enter = STATES[state]
    context = owner.context(browser, theme)
    page = owner.open(context, path)
    enter(page)
    assert violations(page) == []
    context.close()
