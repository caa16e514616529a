"""A server of chat.v1 that obeys, a real one, and a stranger's page with a strict policy."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.widget import sites
from tests.browser.widget.fake_server import FakeServer
from tests.browser.widget.real import Shop
from tests.browser.widget.seen import Seen
from tests.running import Server

KEY = "pk-test"
RICH = {"requests_per_minute": 100_000, "tokens_per_minute": 100_000_000}


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


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    server = Server(tmp_path_factory.mktemp("shop") / "data", engine=False).start()
    price = ("--input-price", "1", "--output-price", "2", "--context", "8192")
    server.manage("models", "add", "scripted", "--engine", "scripted:", *price)
    shop = Shop(server, server.tenant("Fernhill Outdoor", credit="1.00", **RICH))
    yield shop
    shop.close()
    server.stop()


Meet = Callable[..., Seen]


@pytest.fixture
def meet(shop: Shop, page: Page, request: pytest.FixtureRequest) -> Meet:
    """`meet(budget={…})`: a page of the allowed site with the widget of a new chatbot."""

    def go(*, on: Page = page, **configuration: object) -> Seen:
        name = request.node.name.replace("_", "-")[5:60].strip("-")
        key, slug = shop.chatbot(name, **configuration)
        seen = shop.visit(on, name, key)
        seen.key, seen.slug, seen.name = key, slug, name
        return seen

    return go
