"""For everybody: axe finds nothing in any state, light or dark; screen readers, RTL, phones."""

from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.widget import sites
from tests.browser.widget.conftest import Visit
from tests.browser.widget.fake_server import FakeServer
from tests.browser.widget.seen import Seen
from tests.browser.widget.states import STATES

PHONE = {"width": 375, "height": 812}


def violations(page: Page) -> list[str]:
    found = Axe().run(page).response["violations"]
    return [f"{one['id']}: {node['html'][:120]}" for one in found for node in one["nodes"]]


@pytest.fixture(params=["light", "dark"])
def context(request: pytest.FixtureRequest, browser: Browser) -> Iterator[BrowserContext]:
    """Axe brings a script of its own, which the site's policy rightly refuses: here it may."""
    context = browser.new_context(
        viewport={"width": 1280, "height": 860},
        color_scheme=request.param,
        bypass_csp=True,
        reduced_motion="reduce",
    )
    yield context
    context.close()


@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing(visit: Visit, fake: FakeServer, state: str) -> None:
    seen = visit()
    STATES[state](seen, fake)
    assert violations(seen.page) == []


@pytest.mark.parametrize("mode", ["inline", "full"])
def test_axe_finds_nothing_in_other_modes(visit: Visit, mode: str) -> None:
    seen = visit(mode=mode).ready()
    seen.ask("Hello")
    seen.ready()
    assert violations(seen.page) == []


def test_axe_finds_nothing_on_a_phone(visit: Visit, page: Page) -> None:
    page.set_viewport_size({"width": 375, "height": 812})
    seen = visit().open()
    seen.ask("Hello")
    seen.ready()
    assert violations(seen.page) == []


Visitor = Callable[..., Seen]


@pytest.fixture
def phone(browser: Browser, fake: FakeServer, site: sites.Site) -> Iterator[Visitor]:
    """375 px wide, a finger for a pointer."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)  # type: ignore[arg-type]  # a TypedDict of theirs
    page = context.new_page()

    def go(direction: str = "ltr", **options: str) -> Seen:
        data = {"bot": "support", "key": "pk-test", **options}
        html = sites.page(fake.url, data, direction=direction)
        site.pages["/phone"] = (html, sites.strict(fake.url))
        seen = Seen(page)
        page.goto(f"{site.url}/phone")
        return seen

    yield go
    context.close()


def test_on_a_phone_it_fills_the_screen_and_nothing_scrolls_sideways(
    phone: Visitor, fake: FakeServer
) -> None:
    fake.answers = lambda _: "averyveryverylongwordwithoutanyspaces" * 9 + "\n\n```\n" + "x" * 300
    seen = phone().open()
    seen.ask("Wide " * 30)
    seen.ready()
    assert seen.panel.bounding_box() == {"x": 0, "y": 0, **PHONE}
    wide = "(document.scrollingElement.scrollWidth)"
    assert seen.page.evaluate(wide) == PHONE["width"]
    log = "document.querySelector('chat-widget').shadowRoot.querySelector('.log')"
    assert seen.page.evaluate(f"{log}.scrollWidth <= {log}.clientWidth")


def test_on_a_phone_the_dialog_is_modal_and_the_page_behind_is_out_of_reach(
    phone: Visitor,
) -> None:
    seen = phone().open()
    assert seen.panel.evaluate("(panel) => panel.matches(':modal')")
    for _ in range(12):
        seen.page.keyboard.press("Tab")
        assert seen.page.evaluate("document.activeElement.localName") in {"chat-widget", "body"}
    seen.button("Close chat").tap()
    expect(seen.panel).to_be_hidden()
    expect(seen.launcher).to_be_visible()


def test_every_target_for_a_finger_is_44_pixels(phone: Visitor) -> None:
    seen = phone().open()
    small = []
    seen.ask("Hello")
    seen.ready()
    for button in seen.panel.get_by_role("button").all():
        box = button.bounding_box()
        if box and min(box["width"], box["height"]) < 44:
            small.append((button.get_attribute("aria-label"), box))
    assert small == []


def test_beside_a_page_the_dialog_is_not_modal(visit: Visit) -> None:
    seen = visit().open()
    assert not seen.panel.evaluate("(panel) => panel.matches(':modal')")
    seen.page.get_by_role("link", name="Fernhill Outdoor").click()


def test_right_to_left_mirrors_the_widget(visit: Visit, fake: FakeServer) -> None:
    fake.answers = lambda _: "مرحبا بك"
    seen = visit(direction="rtl", lang="ar").open()
    seen.ask("شكرا")
    seen.ready()
    launcher, panel = seen.launcher.bounding_box(), seen.panel.bounding_box()
    asked, answer = seen.questions.bounding_box(), seen.answers.bounding_box()
    send = seen.panel.locator(".send").bounding_box()
    assert launcher
    assert panel
    assert asked
    assert answer
    assert send
    assert launcher["x"] < 100
    assert panel["x"] < 100
    assert asked["x"] < panel["x"] + 40
    assert send["x"] < panel["x"] + 40
    assert seen.complaints == []


def test_a_screen_reader_hears_sentences_and_not_words(visit: Visit, fake: FakeServer) -> None:
    fake.answers = lambda _: "The first sentence is here. And the second one follows. Done"
    fake.pace = 0.06
    seen = visit().open()
    seen.page.evaluate(
        """() => {
            window.said = [];
            const root = document.querySelector("chat-widget").shadowRoot;
            const voice = root.querySelector(".middle > .unseen");
            new MutationObserver(() => window.said.push(voice.textContent))
                .observe(voice, { childList: true, characterData: true, subtree: true });
        }"""
    )
    seen.ask("Tell me")
    log = seen.widget.get_by_role("log")
    expect(log).to_have_attribute("aria-busy", "true")
    expect(seen.panel.locator(".answer.live")).to_have_attribute("aria-live", "off")
    seen.ready()
    assert log.get_attribute("aria-busy") is None
    assert seen.page.evaluate("window.said") == [
        "The first sentence is here.", "And the second one follows.", "Done",
    ]  # fmt: skip


def test_motion_stops_for_those_who_asked_for_less(visit: Visit, fake: FakeServer) -> None:
    fake.pace = 0.3
    seen = visit().open()
    seen.ask("Tell me")
    seen.in_state("streaming")
    moving = "document.querySelector('chat-widget').shadowRoot.getAnimations().length"
    assert seen.page.evaluate(moving) == 0


def test_colours_that_the_system_forces_leave_everything_in_sight(visit: Visit, page: Page) -> None:
    page.emulate_media(forced_colors="active")
    seen = visit().open()
    seen.ask("Hello")
    seen.ready()
    for part in (".launcher", ".send", ".said"):
        edge = seen.widget.locator(part).evaluate("(node) => getComputedStyle(node).borderTopWidth")
        assert edge == "1px", part
