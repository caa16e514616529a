"""What owners do with chatbots: sign up and be answered, edit, publish, take back, cite, copy."""

import json
import os
import re
import subprocess
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.browser.accounts.people import PASSWORD, guest
from tests.browser.pages import Visitor
from tests.running import Server

COUNT_CLICKS = """
  addEventListener("click", (event) => {
    if (event.detail) sessionStorage.clicks = Number(sessionStorage.clicks || 0) + 1;
  }, true);
"""
MOST_CLICKS = 4
TEXT = (
    b"# Questions and answers\n\n## How do I create an API key?\nOpen API keys in the dashboard "
    b"and create a key there. It is shown only once, so copy it at once.\n"
    b"`POST /v1/api_keys` does the same.\n"
)
SLOW = 40_000  # milliseconds, on a busy machine


@pytest.fixture
def context(browser: Browser, owner: Visitor) -> Iterator[BrowserContext]:
    made = owner.context(browser)
    yield made
    made.close()


def saved(page: Page) -> None:
    expect(page.locator("#saved")).to_contain_text("Draft saved", timeout=SLOW)


def ask(page: Page, question: str) -> None:
    page.locator("chat-widget textarea").fill(question)
    page.locator("chat-widget textarea").press("Enter")


def test_four_clicks_from_the_home_page_to_an_answer(browser: Browser, server: Server) -> None:
    with guest(browser, server) as nora:
        nora.page.context.add_init_script(COUNT_CLICKS)
        nora.go("/")
        nora.page.get_by_role("link", name="Sign up").click()
        nora.fill(email="nora@example.com", password1=PASSWORD, organisation="Nora's nursery")
        nora.press("Make the account")
        nora.page.get_by_role("button", name="Support from your pages").click()
        nora.page.locator("chat-widget").get_by_role("button", name="What can you do?").click()
        reading = nora.page.locator("chat-widget .reading").last
        expect(reading).to_contain_text(" out", timeout=SLOW)
        assert nora.page.locator("chat-widget .answer").last.inner_text().strip()
        assert int(nora.page.evaluate("sessionStorage.clicks")) <= MOST_CLICKS


def test_visitors_meet_an_edit_when_it_is_published_and_not_after_it_is_taken_back(
    browser: Browser, context: BrowserContext, owner: Visitor
) -> None:
    page = owner.open(context, "chatbots/trail-guide/embed")
    hosted = page.locator("a[href*='/c/trail-guide']").get_attribute("href")
    strangers = browser.new_context()
    visitor = strangers.new_page()

    def welcome(text: str) -> None:
        assert hosted is not None
        visitor.goto(hosted)
        expect(visitor.locator("chat-widget")).to_contain_text(text, timeout=SLOW)

    page = owner.open(context, "chatbots/trail-guide/")
    page.get_by_label("Welcome message").fill("Good day, walker!")
    page.get_by_label("Suggested prompts").fill("Which walk today?")
    saved(page)
    expect(page.locator("#bot-state")).to_contain_text("Draft differs")
    expect(page.locator("chat-widget")).to_contain_text("Good day, walker!", timeout=SLOW)
    expect(page.locator("chat-widget")).to_contain_text("Which walk today?")
    welcome("Hello! How can I help?")
    page.get_by_role("button", name="Publish v").click()
    page.get_by_label("What is new").fill("A greeting")
    page.locator("dialog[open] button[type=submit]").click()
    expect(page.locator("main")).to_contain_text("is live: the next message uses it")
    welcome("Good day, walker!")
    page.get_by_role("link", name="Versions").click()
    page.get_by_role("row", name="v1").get_by_role("button", name="Make live").click()
    expect(page.locator("main")).to_contain_text("v1 is live again")
    welcome("Hello! How can I help?")
    strangers.close()


def test_a_file_is_attached_read_and_cited(context: BrowserContext, owner: Visitor) -> None:
    page = owner.open(context, "chatbots/returns/")
    page.get_by_label("Instructions").fill("")
    page.get_by_label("Temperature").first.fill("0")
    saved(page)
    file = {"name": "keys.md", "mimeType": "text/markdown", "buffer": TEXT}
    page.set_input_files("#new-file", file)  # type: ignore[arg-type]  # its stubs want a class of theirs
    row = page.locator("#knowledge").get_by_role("row", name="keys.md").first
    expect(row).to_contain_text("Ready", timeout=SLOW)
    expect(row).to_contain_text("1 chunk")
    ask(page, "How do I create an API key?")
    expect(page.locator("chat-widget .reading").last).to_contain_text(" ms", timeout=SLOW)
    page.locator("chat-widget").get_by_role("button", name="keys.md").last.click()
    expect(page.locator("chat-widget")).to_contain_text("shown only once")
    shown = page.locator("chat-widget .reading").last.inner_text()
    page.get_by_role("link", name="req_").last.click()
    request = page.locator("dd code").first.inner_text()
    assert request.startswith("req_")
    assert request in shown
    expect(page.get_by_role("heading", name="Knowledge found")).to_be_visible()
    page.locator("main").get_by_role("link", name="keys.md").click()
    expect(page.locator("li:target")).to_contain_text("It is shown only once")


def test_what_another_tab_has_changed_is_not_overwritten(
    context: BrowserContext, owner: Visitor
) -> None:
    mine, other = (owner.open(context, "chatbots/support/") for _ in range(2))
    other.get_by_label("Welcome message").fill("From the other tab")
    saved(other)
    mine.get_by_label("Welcome message").fill("From mine")
    expect(mine.locator("#saved")).to_contain_text("changed elsewhere meanwhile", timeout=SLOW)
    mine.get_by_label("Welcome message").fill("From mine, once more")
    mine.wait_for_timeout(1_500)  # longer than a pause in typing
    expect(mine.locator("#saved")).to_contain_text("changed elsewhere meanwhile")
    other.reload()
    expect(other.get_by_label("Welcome message")).to_have_value("From the other tab")
    mine.get_by_role("button", name="Save mine over it").click()
    saved(mine)
    other.reload()
    expect(other.get_by_label("Welcome message")).to_have_value("From mine, once more")


def test_tokens_are_those_that_the_api_counts(context: BrowserContext, owner: Visitor) -> None:
    text = "You answer walkers. Be brief; say {{date}} when you are asked what day it is."
    page = owner.open(context, "chatbots/support/")
    page.get_by_label("Instructions").fill(text)
    saved(page)
    counted = httpx.post(
        f"{owner.url}/v1/responses/input_tokens",
        json={"input": [{"role": "system", "content": text}]},
        headers={"authorization": f"Bearer {owner.api_key}"},
    ).json()["input_tokens"]
    expect(page.locator("#tokens")).to_have_text(f"{counted} tokens", timeout=SLOW)


def test_the_copied_curl_runs(context: BrowserContext, owner: Visitor) -> None:
    page = owner.open(context, "chatbots/support/code")
    for number in (1, 4):
        shell = page.locator(f"#code-text-{number}").inner_text()
        done = subprocess.run(
            ["bash", "-c", shell],
            env={**os.environ, "SMARTER_API_KEY": owner.api_key},
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        answer = json.loads(done.stdout)
        assert answer["choices"][0]["message"]["content"], answer


def test_a_site_that_loads_the_widget_appears_without_a_reload(
    context: BrowserContext, owner: Visitor
) -> None:
    page = owner.open(context, "chatbots/support/embed")
    page.get_by_label("Sites that may show it").fill("https://fell.example")
    page.get_by_role("button", name="Save in the draft").click()
    page.get_by_role("button", name="Publish v").click()
    page.locator("dialog[open] button[type=submit]").click()
    page = owner.open(context, "chatbots/support/embed")
    key = re.search(r'data-key="(pk-\w+)"', page.locator("#snippet-1").inner_text())
    assert key is not None
    expect(page.locator("#seen")).to_contain_text("Not seen anywhere yet")
    socket = f"{owner.url.replace('http', 'ws', 1)}/ws/chatbots/support/"
    site, protocol = Origin("https://fell.example"), Subprotocol("chat.v1")
    with connect(socket, origin=site, subprotocols=[protocol]) as visitor:
        hello = {"type": "session.update", "session": {"key": key[1], "client": "widget/1.0"}}
        visitor.send(json.dumps(hello))
        assert json.loads(visitor.recv(10))["type"] == "session.created"
        expect(page.locator("#seen")).to_contain_text("https://fell.example", timeout=SLOW)
        expect(page.locator("#seen")).to_contain_text("widget/1.0")


def test_an_accent_is_seen_and_judged_at_once(context: BrowserContext, owner: Visitor) -> None:
    page = owner.open(context, "chatbots/support/embed")
    warning = page.get_by_text("below 4.5 to 1")
    expect(warning).to_be_hidden()
    page.get_by_label("Accent").fill("#ffee88")
    expect(warning).to_be_visible()
    page.get_by_label("Accent").fill("#112233")
    expect(warning).to_be_hidden()
    ask(page, "Hello")
    bubble = page.locator("chat-widget [data-role=user], chat-widget .said").first
    expect(bubble).to_be_visible()


def test_a_filter_narrows_the_inbox_beside_the_open_conversation(
    context: BrowserContext, owner: Visitor
) -> None:
    page = owner.open(context, "conversations")
    page.get_by_role("link", name="Thumbs down", exact=True).click()
    expect(page).to_have_url(re.compile("feedback=down"))
    said = page.locator("#list .verdict-good")
    expect(said).to_have_count(0)
    assert page.locator("#list .thread-link").count() == page.locator("#list .verdict-bad").count()
    title = page.locator("#thread").inner_text()
    page.reload()
    chosen = page.get_by_role("link", name="Thumbs down", exact=True)
    expect(chosen).to_have_attribute("aria-current", "true")
    page.get_by_label("Search all words").press_sequentially("no such words at all")
    expect(page.locator("#list")).to_contain_text("Nothing fits")
    expect(page.locator("#thread")).to_have_text(title)
    chosen.click()
    page.wait_for_url(re.compile("q=no"))
    assert "feedback" not in page.url


@pytest.fixture
def plain(browser: Browser, owner: Visitor) -> Iterator[Page]:
    """A browser that runs no script."""
    context = browser.new_context(storage_state=owner.state, java_script_enabled=False)
    yield context.new_page()
    context.close()


def test_drafts_and_files_work_without_any_script(plain: Page, owner: Visitor) -> None:
    page = plain
    page.goto(owner.address("chatbots/trail-guide/"))
    page.get_by_text("Stops, passages, tools").click()
    page.get_by_label("Stop at").fill("END")
    page.get_by_role("button", name="Save draft").click()
    expect(page.locator("main")).to_contain_text("Saved in the draft")
    file = {"name": "plain.md", "mimeType": "text/markdown", "buffer": TEXT}
    page.locator("#knowledge summary", has_text="Attach").click()
    page.set_input_files("#new-file", file)  # type: ignore[arg-type]  # its stubs want a class of theirs
    page.get_by_role("button", name="Upload and attach").click()
    expect(page.locator("#knowledge")).to_contain_text("plain.md")
    page.goto(owner.address("files"))
    page.set_input_files("#upload input[type=file]", {**file, "name": "page.md"})  # type: ignore[arg-type]  # as above
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("main")).to_contain_text("page.md is here")


def test_filters_work_without_any_script(plain: Page, owner: Visitor) -> None:
    page = plain
    page.goto(owner.address("conversations"))
    page.get_by_label("More filters").click()
    page.get_by_role("link", name="Thumbs up", exact=True).click()
    assert "feedback=up" in page.url
    page.get_by_label("More filters").click()
    page.get_by_label("Cost from, $").fill("0.0001")
    page.get_by_role("button", name="Show").click()
    assert "least_cost=0.0001" in page.url
    assert "feedback=up" in page.url
    expect(page.get_by_role("link", name="From $0.0001")).to_have_attribute("aria-current", "true")
    page.locator("summary", has_text="Any chatbot").click()
    page.get_by_role("link", name="Trail guide", exact=True).click()
    assert "chatbot=trail-guide" in page.url
    page.get_by_role("article").get_by_label("More").click()
    assert page.get_by_role("link", name="Export as CSV").is_visible()
