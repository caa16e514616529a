"""Before the first word: what is painted, what is asked of the network, where focus goes."""

import re

from playwright.sync_api import BrowserContext, expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.fake_server import FakeServer
from tests.browser.widget.sites import Site


def test_the_launcher_is_there_before_any_socket_is(visit: Visit, fake: FakeServer) -> None:
    seen = visit()
    expect(seen.launcher).to_be_visible()
    expect(seen.launcher).to_have_attribute("aria-expanded", "false")
    expect(seen.panel).to_be_hidden()
    assert fake.connections == 0


def test_opening_shows_welcome_prompts_and_that_it_is_an_ai(visit: Visit, fake: FakeServer) -> None:
    seen = visit().open()
    expect(seen.widget.get_by_role("dialog", name="Fernhill support")).to_be_visible()
    expect(seen.panel).to_contain_text("Hello. I know our shipping")
    expect(seen.panel).to_contain_text("You are chatting with an AI")
    expect(seen.panel).to_contain_text("Answers can be wrong.")
    assert seen.panel.locator(".asks button").all_inner_texts() == fake.chatbot["suggested_prompts"]
    assert fake.received[0]["session"]["key"] == "pk-test"
    assert fake.received[0]["session"]["page"]["origin_path"] == "/tent"
    assert seen.complaints == []


def test_while_it_connects_the_panel_has_the_shape_of_what_comes(
    visit: Visit, fake: FakeServer
) -> None:
    seen = visit()
    fake.stop()
    seen.launcher.click()
    expect(seen.panel.locator(".skeleton")).to_be_visible()
    fake.start()
    seen.ready()
    expect(seen.panel.locator(".skeleton")).to_be_hidden()


def test_a_prompt_is_asked_by_one_click(visit: Visit) -> None:
    seen = visit().open()
    seen.button("Where is my order?").click()
    expect(seen.questions).to_have_text("Where is my order?")
    expect(seen.answers).to_have_text("You said: Where is my order?")
    expect(seen.panel.locator(".asks")).to_be_hidden()


def test_escape_closes_and_gives_focus_back_to_the_launcher(visit: Visit) -> None:
    seen = visit().open()
    expect(seen.box).to_be_focused()
    seen.page.keyboard.press("Escape")
    expect(seen.panel).to_be_hidden()
    expect(seen.launcher).to_be_focused()
    expect(seen.launcher).to_have_accessible_name("Open chat")
    seen.page.keyboard.press("Enter")
    expect(seen.launcher).to_have_attribute("aria-expanded", "true")
    expect(seen.box).to_be_focused()


def test_nothing_is_stored_before_the_first_message_and_no_cookie_ever(
    visit: Visit, context: BrowserContext
) -> None:
    seen = visit().open()
    count = "Object.keys(localStorage).length"
    assert seen.page.evaluate(count) == 0
    seen.ask("Hello")
    expect(seen.answers).to_have_text("You said: Hello")
    assert seen.page.evaluate(count) == 1
    assert context.cookies() == []


def test_a_visitor_who_has_written_is_connected_at_once_and_finds_the_conversation(
    visit: Visit, fake: FakeServer
) -> None:
    seen = visit().open()
    seen.ask("Hello")
    expect(seen.answers).to_have_text("You said: Hello")
    seen.page.reload()
    seen.ready()
    expect(seen.panel).to_be_hidden()
    assert fake.frames("session.update")[-1]["session"]["visitor_token"] == "token-1"
    seen.launcher.click()
    expect(seen.questions).to_have_text("Hello")
    expect(seen.answers).to_have_text("You said: Hello")


def test_an_answer_that_comes_while_it_is_closed_is_counted_on_the_launcher(
    visit: Visit, fake: FakeServer
) -> None:
    fake.pace = 0.1
    seen = visit().open()
    seen.ask("Take your time")
    seen.button("Close chat").click()
    expect(seen.launcher.locator(".unread")).to_have_text("1")
    expect(seen.launcher).to_have_accessible_name("Open chat, 1 unread")
    seen.launcher.click()
    expect(seen.launcher.locator(".unread")).to_be_hidden()


def test_inline_and_full_are_open_from_the_start(visit: Visit, fake: FakeServer) -> None:
    for mode in ("inline", "full"):
        seen = visit(mode=mode, path=f"/{mode}").ready()
        expect(seen.widget.get_by_role("region", name="Fernhill support")).to_be_visible()
        expect(seen.launcher).to_have_count(0)
        seen.ask("Hello")
        expect(seen.answers.last).to_have_text("You said: Hello")
        box = seen.panel.bounding_box()
        assert box is not None
        assert (box["height"] > 800) is (mode == "full")
        seen.page.evaluate("localStorage.clear()")
        fake.told.clear()


def test_everything_that_is_asked_of_the_network_is_the_page_and_the_server(
    visit: Visit, fake: FakeServer, site: Site
) -> None:
    fake.answers = lambda _: "See ![a](http://tracker.example/1.png) and https://else.example/x."
    seen = visit().open()
    seen.ask("Show me")
    seen.ready()
    expect(seen.answers).to_have_text("See a and https://else.example/x.")
    assert seen.hosts == {url.removeprefix("http://") for url in (fake.url, site.url)}


def test_the_widget_speaks_german_where_the_page_does(visit: Visit) -> None:
    seen = visit(lang="de-AT").open()
    expect(seen.box).to_have_attribute("placeholder", "Nachricht schreiben")
    expect(seen.launcher).to_have_accessible_name("Chat ausblenden")
    expect(seen.panel).to_have_attribute("lang", re.compile("^de$"))


def test_the_chatbots_own_words_go_over_the_widgets(visit: Visit, fake: FakeServer) -> None:
    fake.chatbot["strings"] = {"placeholder": "Ask about orders", "nonsense": "x"}
    seen = visit().open()
    expect(seen.box).to_have_attribute("placeholder", "Ask about orders")
