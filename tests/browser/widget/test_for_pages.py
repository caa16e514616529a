"""What a page can say to its widget, and hear from it."""

from playwright.sync_api import Page, expect

from tests.browser.widget import sites
from tests.browser.widget.conftest import Visit
from tests.browser.widget.fake_answer import Frame
from tests.browser.widget.fake_server import FakeServer
from tests.patience import PATIENCE
from tests.running import wait_until

WIDGET = "document.querySelector('chat-widget')"


def test_its_verbs_do_what_they_say(visit: Visit, fake: FakeServer) -> None:
    seen = visit()
    page = seen.page
    page.evaluate(f"{WIDGET}.open()")
    expect(seen.panel).to_be_visible()
    page.evaluate(f"{WIDGET}.toggle()")
    expect(seen.panel).to_be_hidden()
    page.evaluate(f"{WIDGET}.setContext({{ plan: 'gold', basket: 3 }})")
    assert page.evaluate(f"{WIDGET}.send('  Hello  ')") is True
    assert page.evaluate(f"{WIDGET}.send('')") is False
    page.evaluate(f"{WIDGET}.open()")
    expect(seen.answers).to_have_text("You said: Hello")
    assert fake.frames("response.create")[0]["metadata"] == {"plan": "gold", "basket": "3"}
    page.evaluate(f"{WIDGET}.reset()")
    expect(seen.answers).to_have_count(0)
    fake.pace = 0.3
    page.evaluate(f"{WIDGET}.send('a b c d e f g h')")
    expect(seen.answers).to_contain_text("You")
    page.evaluate(f"{WIDGET}.stop()")
    seen.ready()
    assert fake.told[-1].cancelled


def test_it_tells_what_happens(visit: Visit, fake: FakeServer) -> None:
    seen = visit()
    names = ["ready", "open", "close", "message", "delta", "feedback", "error", "unread", "tool"]
    seen.listen(*names)
    seen.open()
    seen.ask("Hello there")
    seen.ready()
    seen.button("Good answer").click()
    seen.button("Close chat").click()
    seen.page.evaluate(f"{WIDGET}.send('More')")
    expect(seen.launcher.locator(".unread")).to_have_text("1")
    heard = seen.heard()
    told = dict(heard)
    assert [name for name, _ in heard if name != "delta"] == [
        "open", "ready", "message", "message", "feedback", "close", "message", "unread", "message",
    ]  # fmt: skip
    assert told["ready"]["chatbot"]["name"] == "Fernhill support"
    texts = [(detail["role"], detail["text"]) for name, detail in heard if name == "message"]
    assert texts[:2] == [("user", "Hello there"), ("assistant", "You said: Hello there")]
    deltas = "".join(detail["text"] for name, detail in heard if name == "delta")
    assert deltas == "You said: Hello thereYou said: More"
    assert told["feedback"]["rating"] == "up"
    assert told["unread"] == {"count": 1}
    fake.closes = 4404
    fake.close_all(4404)
    seen.in_state("paused")
    assert seen.heard()[-1] == ("error", {"code": "chatbot_unavailable", "message": ""})


def test_a_listener_can_be_taken_away_again(visit: Visit) -> None:
    seen = visit()
    seen.page.evaluate(
        f"""() => {{
            window.count = 0;
            const end = {WIDGET}.on("open", () => {{ window.count += 1; }});
            {WIDGET}.open(); {WIDGET}.close(); end(); {WIDGET}.open();
        }}"""
    )
    assert seen.page.evaluate("window.count") == 1


def test_calls_before_the_script_has_come_are_kept(
    page: Page, fake: FakeServer, site: sites.Site
) -> None:
    html = sites.page(fake.url, {"bot": "support", "key": "pk-test"})
    stub = "<script>window.ChatWidget = [['open'], ['send', 'Early']]</script>"
    site.pages["/early"] = (html.replace("<script src", f"{stub}<script src"), "")
    page.goto(f"{site.url}/early")
    expect(page.locator("chat-widget .said")).to_have_text("Early")
    page.evaluate("ChatWidget.push(['close'])")
    expect(page.locator("chat-widget .panel")).to_be_hidden()
    assert page.evaluate("ChatWidget.version") == "0.1.0"


def test_who_the_visitor_is_comes_from_the_page(visit: Visit, fake: FakeServer) -> None:
    seen = visit(user_token="signed-1").open()
    assert fake.received[0]["session"]["user_token"] == "signed-1"
    seen.ask("Hello")
    seen.ready()
    fake.told.clear()
    seen.page.evaluate(f"{WIDGET}.identify('signed-2')")
    expect(seen.answers).to_have_count(0)
    expect(seen.panel.locator(".asks")).to_be_visible()
    last = introduced_again(fake)
    assert last["user_token"] == "signed-2"
    assert "visitor_token" not in last


def introduced_again(fake: FakeServer) -> Frame:
    wait_until(
        lambda: len(fake.frames("session.update")) == 2, PATIENCE, "the page has told who it is"
    )
    told: Frame = fake.frames("session.update")[-1]["session"]
    return told


def test_what_is_being_written_for_one_person_is_not_shown_to_the_next(
    visit: Visit, fake: FakeServer
) -> None:
    fake.hold_after = 3
    seen = visit(user_token="signed-1").open()
    seen.ask("My secret")
    expect(seen.answers).to_have_text("You said: My")
    written = fake.told.pop()
    seen.page.evaluate(f"{WIDGET}.identify('signed-2')")
    introduced_again(fake)
    fake.hold_after = None
    wait_until(
        lambda: written.status == "completed", PATIENCE, "the answer goes on without its reader"
    )
    seen.ask("Mine")
    expect(seen.answers).to_have_text("You said: Mine")
    expect(seen.questions).to_have_text("Mine")


def test_the_pages_variables_win_over_the_chatbots_theme(visit: Visit, fake: FakeServer) -> None:
    fake.chatbot["theme"] = {"accent": "#0b6b4f", "radius": 20, "position": "bottom-left"}
    seen = visit().open()
    colour = "(node) => getComputedStyle(node).backgroundColor"
    expect(seen.widget).to_have_attribute("side", "left")
    assert seen.launcher.evaluate(colour) == "rgb(11, 107, 79)"
    assert seen.panel.evaluate("(node) => getComputedStyle(node).borderRadius") == "20px"
    seen.page.evaluate("document.documentElement.style.setProperty('--chat-accent', '#123456')")
    assert seen.launcher.evaluate(colour) == "rgb(18, 52, 86)"
    seen.page.evaluate(f"{WIDGET}.setTheme({{ accent: '#abcdef', radius: '0px' }})")
    assert seen.launcher.evaluate(colour) == "rgb(171, 205, 239)"
    ink = seen.launcher.evaluate("(node) => getComputedStyle(node).color")
    assert ink == "rgb(22, 21, 19)"
    assert seen.complaints == []


def test_nothing_of_the_pages_looks_reaches_in(visit: Visit) -> None:
    seen = visit().open()
    look = """(node) => { const it = getComputedStyle(node);
        return [it.fontFamily, it.letterSpacing, it.lineHeight, it.fontSize]; }"""
    family, spacing, height, size = seen.panel.evaluate(look)
    assert "Georgia" not in family
    assert (spacing, height, size) == ("normal", "21px", "14px")


def test_an_element_in_the_page_is_the_same_widget(
    page: Page, fake: FakeServer, site: sites.Site
) -> None:
    html = sites.page(fake.url, {})
    element = '<chat-widget bot="support" key="pk-test" mode="inline" lang="de"></chat-widget>'
    site.pages["/element"] = (html.replace("<script src", f"{element}<script src"), "")
    page.goto(f"{site.url}/element")
    expect(page.locator("chat-widget")).to_have_count(1)
    expect(page.locator("chat-widget textarea")).to_have_attribute(
        "placeholder", "Nachricht schreiben"
    )
    page.evaluate(f"{WIDGET}.setAttribute('lang', 'en')")
    expect(page.locator("chat-widget textarea")).to_have_attribute("placeholder", "Write a message")


def test_moved_in_the_page_it_goes_on_and_taken_out_it_can_come_back(
    visit: Visit, fake: FakeServer
) -> None:
    seen = visit(mode="inline").ready()
    seen.ask("Hello")
    seen.ready()
    seen.page.evaluate(f"document.querySelector('main').append({WIDGET})")
    expect(seen.answers).to_have_text("You said: Hello")
    assert fake.connections == 1
    seen.page.evaluate(f"window.kept = {WIDGET}; window.kept.remove()")
    seen.page.evaluate("new Promise((done) => setTimeout(done, 50))")
    seen.page.evaluate("document.body.append(window.kept)")
    seen.ready()
    expect(seen.answers).to_have_text("You said: Hello")
    assert fake.connections == 2
