"""Chromium, a server of chat.v1 that obeys, and a stranger's page with a strict policy."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.widget import sites
from tests.browser.widget.fake_server import FakeServer
from tests.browser.widget.seen import Seen

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
KEY = "pk-test"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a file of tests: the next file may need the event loop that this one occupies."""
    if not CHROMIUM or not Path(CHROMIUM).exists():
        pytest.skip("No Chromium on this machine: install one, or name it in CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def fake() -> Iterator[FakeServer]:
    server = FakeServer().start()
    yield server
    server.close()


@pytest.fixture
def site() -> Iterator[sites.Site]:
    site = sites.Site()
    yield site
    site.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 860}, locale="en-GB")
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


Visit = Callable[..., Seen]


@pytest.fixture
def visit(page: Page, fake: FakeServer, site: sites.Site) -> Visit:
    """`visit(mode="inline")`: a page of the site with the widget, under the strict policy."""

    def go(
        *, on: Page = page, path: str = "/tent", lang: str = "en", direction: str = "ltr",
        **options: str,
    ) -> Seen:  # fmt: skip
        named = {"bot": "support", "key": KEY, **options}
        data = {name.replace("_", "-"): value for name, value in named.items()}
        html = sites.page(fake.url, data, lang=lang, direction=direction)
        site.pages[path] = (html, sites.strict(fake.url))
        seen = Seen(on)
        on.goto(f"{site.url}{path}")
        return seen

    return go
