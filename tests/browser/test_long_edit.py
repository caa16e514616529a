"""An hour at a draft: the chat beside the form outlives its token, and a laptop's sleep."""

import time

from playwright.sync_api import Browser, expect

from tests.browser.pages import Visitor

SLOW = 40_000


def test_the_chat_beside_a_draft_goes_on_for_as_long_as_the_page_is_open(
    owner: Visitor, browser: Browser
) -> None:
    context = owner.context(browser)
    context.clock.install()
    page = owner.open(context, "chatbots/support/")
    widget = page.locator("chat-widget")
    expect(widget).to_have_attribute("state", "ready", timeout=SLOW)
    token = widget.get_attribute("preview") or ""
    time.sleep(1.1)  # by the server's clock, where tokens of the same second are the same
    context.clock.fast_forward("09:00")
    expect(widget).not_to_have_attribute("preview", token, timeout=SLOW)
    widget.evaluate("(widget) => widget.setAttribute('preview', 'expired while we slept')")
    context.set_offline(True)
    expect(widget).to_have_attribute("state", "offline", timeout=SLOW)
    context.set_offline(False)
    expect(widget).to_have_attribute("state", "ready", timeout=SLOW)
    assert widget.get_attribute("preview") != "expired while we slept"
    context.close()
