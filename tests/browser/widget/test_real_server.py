"""The widget and the product as visitors meet them: two origins, real sockets, a real browser."""

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.widget.conftest import Meet
from tests.browser.widget.real import Shop, words
from tests.browser.widget.seen import Seen


def test_a_visitor_of_another_origin_is_answered_under_a_strict_policy(
    meet: Meet, shop: Shop
) -> None:
    seen = meet().open()
    seen.ask("Hello there")
    expect(seen.answers).to_have_text("Hello there")
    seen.ready()
    assert seen.complaints == []
    hosts = {shop.server.url.split("//")[1], shop.allowed.url.split("//")[1]}
    assert seen.hosts == hosts


def test_a_refused_origin_is_told_so_once(meet: Meet, shop: Shop, page: Page) -> None:
    here = meet()
    sockets: list[str] = []
    page.on("websocket", lambda socket: sockets.append(socket.url))
    seen = shop.visit(page, here.name, here.key, on=shop.stranger)
    seen.launcher.click()
    seen.in_state("refused")
    expect(seen.notice).to_contain_text("not available on this site")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_timeout(4000)
    assert len(sockets) == 1


def test_the_conversation_survives_a_reload_and_a_thumb_with_it(meet: Meet) -> None:
    seen = meet().open()
    seen.ask("Hello again")
    seen.ready()
    expect(seen.answers).to_have_text("Hello again")
    seen.button("Good answer").click()
    expect(seen.button("Good answer")).to_have_attribute("aria-pressed", "true")
    seen.page.wait_for_timeout(300)
    seen.page.reload()
    seen.open()
    expect(seen.questions).to_have_text("Hello again")
    expect(seen.answers).to_have_text("Hello again")
    expect(seen.button("Good answer")).to_have_attribute("aria-pressed", "true")


def test_two_tabs_show_the_same_answer(meet: Meet, shop: Shop, context: BrowserContext) -> None:
    one = meet().open()
    one.ask("First")
    one.ready()
    two = shop.visit(context.new_page(), one.name, one.key).open()
    expect(two.answers).to_have_text("First")
    one.ask("#words=60 #pace=40")
    expect(two.answers.last).to_contain_text("w5 ")
    for tab in (one, two):
        tab.ready()
        expect(tab.answers.last).to_have_text(words(60))
        expect(tab.questions).to_have_count(2)


def test_a_question_sent_twice_is_answered_and_billed_once(meet: Meet, shop: Shop) -> None:
    before = shop.tenant.balance_nano()
    seen = meet()
    seen.page.evaluate(
        """() => {
            const send = WebSocket.prototype.send;
            WebSocket.prototype.send = function (text) {
                send.call(this, text);
                if (text.includes("response.create") && !window.cut) {
                    window.cut = true;
                    this.onmessage = null;
                    this.close();
                }
            };
        }"""
    )
    seen.open()
    seen.ask("#words=20 #pace=30")
    expect(seen.answers).to_have_text(words(20), timeout=15_000)
    seen.ready()
    expect(seen.questions).to_have_count(1)
    mine = [row for row in shop.messages() if row[2] == words(20)]
    assert len(mine) == 1
    assert before - shop.tenant.balance_nano() == mine[0][3] > 0


def test_stopping_keeps_and_charges_what_was_written(meet: Meet, shop: Shop) -> None:
    seen = meet().open()
    seen.ask("#words=400 #pace=30")
    expect(seen.answers).to_contain_text("w9 ")
    seen.button("Stop").click()
    seen.ready()
    expect(seen.panel.locator(".answer .cut-off")).to_have_text("Stopped")
    stored = shop.messages()[-1]
    assert stored[1] == "incomplete"
    assert stored[2] == seen.answers.inner_text()


def test_offline_and_online_again_the_message_goes_out_once(
    meet: Meet, shop: Shop, context: BrowserContext
) -> None:
    seen = meet().open()
    context.set_offline(True)
    seen.in_state("offline")
    seen.ask("Written while away")
    expect(seen.notice).to_contain_text("sent as soon as you are back")
    context.set_offline(False)
    expect(seen.answers).to_have_text("Written while away")
    assert [row[2] for row in shop.messages()].count("Written while away") == 2


def test_offline_in_the_middle_of_an_answer_it_is_whole_afterwards(
    meet: Meet, context: BrowserContext
) -> None:
    seen = meet().open()
    seen.ask("#words=80 #pace=40")
    expect(seen.answers).to_contain_text("w8 ")
    context.set_offline(True)
    seen.in_state("offline")
    seen.page.wait_for_timeout(800)
    context.set_offline(False)
    seen.ready()
    expect(seen.answers).to_have_text(words(80))


def test_one_message_more_than_the_limit_is_counted_down(meet: Meet) -> None:
    limits = {"messages": 2, "window_seconds": 5, "text": "Slowly, please."}
    seen = meet(limits=limits).open()
    for text in ("One", "Two"):
        seen.ask(text)
        seen.ready()
    seen.ask("Three")
    seen.in_state("limited")
    expect(seen.notice).to_contain_text("Slowly, please.")
    expect(seen.notice.get_by_role("timer")).to_have_text("0:04", timeout=6000)
    expect(seen.box).to_have_value("Three")
    seen.ready()
    seen.button("Send").click()
    expect(seen.answers.last).to_have_text("Three")


def test_a_chatbot_over_its_budget_rests(meet: Meet) -> None:
    budget = {"day_usd": "0.000001", "month_usd": "1", "resting_text": "Back tomorrow."}
    seen = meet(budget=budget).open()
    seen.ask("Hello")
    seen.in_state("resting")
    expect(seen.notice).to_contain_text("Back tomorrow.")
    expect(seen.box).to_be_disabled()


def test_a_page_that_pins_the_script_by_its_hash_runs_it(
    meet: Meet, shop: Shop, page: Page
) -> None:
    here = meet()
    told = page.request.get(f"{shop.server.url}/widget/v1/chat.json").json()
    tag = (
        f'<script src="{shop.server.url}{told["pinned_url"]}" integrity="{told["integrity"]}" '
        f'crossorigin="anonymous" data-bot="{here.name}" data-key="{here.key}"></script>'
    )
    shop.allowed.pages["/pinned"] = (f"<!doctype html><title>x</title><body>{tag}</body>", "")
    page.goto(f"{shop.allowed.url}/pinned")
    Seen(page).open()
