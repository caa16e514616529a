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


def _menu_of_a_conversation(page: Page) -> None:
    page.locator(".thread-link").first.click()
    page.wait_for_load_state()
    page.locator("summary", has_text="Note of your team").click()
    page.locator("article .under summary").click()


def _deleting_a_conversation(page: Page) -> None:
    _menu_of_a_conversation(page)
    page.get_by_role("button", name="Delete conversation").click()


def _all_filters(page: Page) -> None:
    page.get_by_label("More filters").click()
    page.get_by_role("link", name="Thumbs up", exact=True).click()
    page.wait_for_url("**feedback=up")
    page.get_by_label("More filters").click()


def _choosing_a_chatbot(page: Page) -> None:
    page.locator("summary", has_text="Any chatbot").click()


def _attaching_a_file(page: Page) -> None:
    page.locator("#knowledge summary", has_text="Attach").click()


def _deleting_a_file(page: Page) -> None:
    _first(page)
    page.get_by_role("button", name="Delete").click()


def _all_of_the_draft(page: Page) -> None:
    for summary in ("What is filled in", "Stops, passages, tools"):
        page.get_by_text(summary).click()


def _made(page: Page) -> None:
    page.get_by_role("button", name="Make it").click()
    page.wait_for_url("**/start/*")
    page.locator("chat-widget").get_by_role("button", name="What can you do?").wait_for()


def _top_up(page: Page) -> None:
    page.get_by_role("button", name="Top up").click()


STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "creating a key": ("api-keys", _create),
    "a key, shown once": ("api-keys", _shown),
    "one key": ("api-keys", _first),
    "the palette": ("overview", _palette),
    "the sheet of keys": ("overview", lambda page: page.keyboard.press("?")),
    "the menu of teams": ("overview", _menu),
    "one run": ("runs", _first),
    "one file": ("files", _first),
    "a conversation": ("conversations", _menu_of_a_conversation),
    "all filters of the inbox": ("conversations", _all_filters),
    "the chatbots of the inbox": ("conversations", _choosing_a_chatbot),
    "attaching a file": ("chatbots/support/", _attaching_a_file),
    "deleting a conversation": ("conversations", _deleting_a_conversation),
    "deleting a file": ("files", _deleting_a_file),
    "all of a draft": ("chatbots/support/", _all_of_the_draft),
    "the third step of the start": ("start", _made),
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
