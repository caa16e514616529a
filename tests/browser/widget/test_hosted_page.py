"""The page at /c/<slug> in a browser: for everybody, in frames, for people who are signed in."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.widget.conftest import Meet
from tests.browser.widget.real import Shop
from tests.browser.widget.seen import Seen

FOR_THE_SIGNED_IN = "This chat is for people who are signed in"


def test_it_chats_without_a_complaint(meet: Meet, shop: Shop, page: Page) -> None:
    here = meet()
    page.goto(f"{shop.server.url}/c/{here.slug}")
    seen = Seen(page).ready()
    seen.ask("**Bold** <b>not</b>")
    expect(seen.answers.locator("strong")).to_have_text("Bold")
    seen.ready()
    expect(page).to_have_title("Fernhill")
    assert seen.complaints == []


def test_it_lies_in_frames_of_allowed_sites_only(meet: Meet, shop: Shop, page: Page) -> None:
    here = meet()
    address = f"{shop.server.url}/c/{here.slug}"
    for site in (shop.allowed, shop.stranger):
        site.pages["/frame"] = (f'<iframe src="{address}" width="400" height="600"></iframe>', "")
    page.goto(f"{shop.allowed.url}/frame")
    expect(page.frame_locator("iframe").locator("chat-widget")).to_have_attribute("state", "ready")
    page.goto(f"{shop.stranger.url}/frame")
    page.wait_for_timeout(1000)
    assert page.frame_locator("iframe").locator("chat-widget").count() == 0


def test_a_person_comes_with_a_token_that_leaves_the_address_and_survives_a_reload(
    meet: Meet, shop: Shop, page: Page, context: BrowserContext
) -> None:
    here = meet(access="signed")
    token = shop.token(here.name, "ada")
    page.goto(f"{shop.server.url}/c/{here.slug}#user_token={token}")
    seen = Seen(page).ready()
    assert page.url == f"{shop.server.url}/c/{here.slug}"
    seen.ask("It is me")
    expect(seen.answers).to_have_text("It is me")
    page.reload()
    seen.ready()
    expect(seen.questions).to_have_text("It is me")
    elsewhere = Seen(context.new_page())
    elsewhere.page.goto(f"{shop.server.url}/c/{here.slug}#user_token={token}")
    expect(elsewhere.ready().questions).to_have_text("It is me")
    assert seen.complaints == []


def test_nobody_else_is_let_in_and_all_are_told_why(meet: Meet, shop: Shop, page: Page) -> None:
    here = meet(access="signed")
    expired = shop.token(here.name, "ada", seconds=-600)
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    for fragment, calls in (("", 0), (f"#user_token={expired}", 1)):
        page.goto("about:blank")
        sockets.clear()
        page.goto(f"{shop.server.url}/c/{here.slug}{fragment}")
        expect(page.get_by_role("heading", name=FOR_THE_SIGNED_IN)).to_be_visible()
        expect(page.locator("chat-widget")).to_have_count(0)
        assert len(sockets) == calls
