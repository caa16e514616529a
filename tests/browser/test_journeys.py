"""What people come for: a key that works until it is revoked, money that arrives once, a file."""

import re

import httpx
import openai
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.pages import Visitor

WATCH_THE_WORDS = """
  const list = document.querySelector("[data-uploads]");
  const said = new Set();
  new MutationObserver(() => {
    said.add(list.textContent);
    sessionStorage.seen = said.size;
  }).observe(list, {subtree: true, childList: true, characterData: true});
"""
KEY = re.compile(r"sk-[0-9A-Za-z]{42}")


@pytest.fixture
def context(browser: Browser, owner: Visitor) -> BrowserContext:
    return owner.context(browser)


def test_a_key_is_made_used_and_revoked(context: BrowserContext, owner: Visitor) -> None:
    page = owner.open(context, "api-keys")
    page.get_by_role("button", name="Create key").click()
    page.get_by_label("Name").fill("Journey")
    page.locator("dialog[open] button[type=submit]").click()
    page.wait_for_selector("#new-key")
    key = page.locator("#new-key").inner_text()
    client = openai.OpenAI(api_key=key, base_url=f"{owner.url}/v1", max_retries=0)
    assert client.models.list().data
    page.get_by_label("I have saved it").check()
    page.get_by_role("link", name="Done").click()
    page.wait_for_load_state()
    assert not KEY.search(page.content())
    page.get_by_role("link", name="Journey").click()
    page.get_by_role("button", name="Revoke").click()
    page.locator("dialog[open] button[type=submit]").click()
    page.wait_for_url("**/api-keys")
    with pytest.raises(openai.AuthenticationError):
        client.models.list()
    client.close()


def test_a_reload_after_a_new_key_shows_no_key_and_makes_none(
    context: BrowserContext, owner: Visitor
) -> None:
    page = owner.open(context, "api-keys")
    page.get_by_role("button", name="Create key").click()
    page.get_by_label("Name").fill("Only once")
    page.locator("dialog[open] button[type=submit]").click()
    page.wait_for_selector("#new-key")
    page.reload()
    assert not KEY.search(page.content())
    assert page.get_by_role("link", name="Only once").count() == 1


def test_a_form_with_a_mistake_opens_again_with_the_focus_on_it(
    context: BrowserContext, owner: Visitor
) -> None:
    page = owner.open(context, "api-keys")
    page.get_by_role("button", name="Create key").click()
    page.get_by_label("Name").fill("Spendthrift")
    page.get_by_label("Budget in $").fill("a lot")
    page.locator("dialog[open] button[type=submit]").click()
    page.wait_for_load_state()
    expect(page.get_by_label("Budget in $")).to_be_focused()
    expect(page.get_by_label("Name")).to_have_value("Spendthrift")
    owner.complaints[:] = [c for c in owner.complaints if "422" not in c]  # Chromium tells of it


def test_a_search_narrows_the_list_and_stands_in_the_address(
    context: BrowserContext, owner: Visitor
) -> None:
    page = owner.open(context, "api-keys")
    page.get_by_label("Search keys").press_sequentially("staging")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    assert "q=staging" in page.url


def test_the_palette_goes_anywhere_by_keyboard(context: BrowserContext, owner: Visitor) -> None:
    page = owner.open(context, "overview")
    page.keyboard.press("Control+k")
    page.keyboard.type("billing")
    page.keyboard.press("Enter")
    page.wait_for_url("**/billing")


def test_single_keys_lead_through_the_pages_unless_somebody_types(
    context: BrowserContext, owner: Visitor
) -> None:
    page = owner.open(context, "overview")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url("**/conversations")
    page.keyboard.press("/")
    page.keyboard.type("gcn?")
    assert page.get_by_role("searchbox").input_value() == "gcn?"
    page.goto(owner.address("status"))
    page.keyboard.press("n")
    page.wait_for_url("**/chatbots/new")
    page.goto(owner.address("status"))
    page.keyboard.press("?")
    page.get_by_label("Use these keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_label("Use these keys")).to_be_hidden()


def test_the_theme_stays_with_the_next_page(context: BrowserContext, owner: Visitor) -> None:
    page = owner.open(context, "overview")
    page.get_by_role("button", name="Light or dark").click()
    page.goto(owner.address("billing"))
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert paper(page) == "rgb(22, 21, 19)"


def test_a_file_tells_of_its_bytes_on_the_way(context: BrowserContext, owner: Visitor) -> None:
    page = owner.open(context, "files")
    slow = context.new_cdp_session(page)
    line = {"offline": False, "latency": 0, "downloadThroughput": -1}
    slow.send("Network.emulateNetworkConditions", {**line, "uploadThroughput": 1_500_000})
    page.evaluate(WATCH_THE_WORDS)
    text = b"A line of a file that is on its way.\n" * 140_000  # 5 MB
    file = {"name": "long.txt", "mimeType": "text/plain", "buffer": text}
    with page.expect_file_chooser() as choosing:
        page.get_by_role("button", name="Upload").click()
    choosing.value.set_files(file)  # type: ignore[arg-type]  # its stubs want a class of theirs
    page.wait_for_selector("text=long.txt is here", timeout=60_000)
    assert int(page.evaluate("sessionStorage.seen")) >= 3
    page.get_by_role("link", name="long.txt").click()
    page.get_by_role("button", name="Delete").click()
    page.locator("dialog[open] button[type=submit]").click()
    page.wait_for_selector("text=long.txt is deleted")


def test_pages_read_and_forms_work_without_any_script(browser: Browser, owner: Visitor) -> None:
    context = browser.new_context(storage_state=owner.state, java_script_enabled=False)
    page = context.new_page()
    page.goto(owner.address("usage?days=30"))
    assert page.locator("#days tbody tr").count() > 5
    page.locator("select[name=by]").select_option("key")
    page.get_by_role("button", name="Show").click()
    assert "by=key" in page.url
    assert page.get_by_role("button", name="Light or dark").count() == 0
    context.close()


def test_a_page_of_another_team_is_not_found(context: BrowserContext, owner: Visitor) -> None:
    page = context.new_page()
    answer = page.goto(f"{owner.url}/dashboard/demo/overview")
    assert answer is not None
    assert answer.status == 404
    assert page.get_by_role("heading", name="There is nothing here").count() == 1
    assert httpx.get(f"{owner.url}/v1/nothing").headers["content-type"] == "application/json"
    owner.complaints[:] = [c for c in owner.complaints if "404" not in c]  # Chromium tells of it


def paper(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))
