"""Two of one chatbot are asked the same at once, and both answers come while one looks."""

from playwright.sync_api import Browser, expect

from tests.browser.pages import Visitor

SLOW = 40_000
BOTH_AT_ONCE = """
  window.seen = 0;
  new MutationObserver(() => {
    const all = [...document.querySelectorAll("chat-widget")];
    seen += all.every((one) => one.getAttribute("state") === "streaming");
  }).observe(document.body, {subtree: true, attributeFilter: ["state"]});
"""


def test_two_are_asked_once_and_answer_beside_each_other(owner: Visitor, browser: Browser) -> None:
    context = owner.context(browser)
    page = owner.open(context, "chatbots/support/")
    page.get_by_role("link", name="Compare").click()
    page.get_by_label("Second").select_option(label="Draft with smarter-mini")
    page.wait_for_url("**other=draft*")
    widgets = page.locator("chat-widget")
    for n in range(2):
        expect(widgets.nth(n)).to_have_attribute("state", "ready", timeout=SLOW)
    page.evaluate(BOTH_AT_ONCE)
    page.get_by_label("Your question").fill("What can you do?")
    page.get_by_label("Your question").press("Enter")
    for n in range(2):
        widget = widgets.nth(n)
        expect(widget.locator(".said")).to_have_text("What can you do?", timeout=SLOW)
        reading = widget.locator(".reading")
        for told in (" in", " out", "$", " ms", "req_"):
            expect(reading).to_contain_text(told, timeout=SLOW)
        assert widget.locator(".answer[part=message] .words").last.inner_text().strip()
    assert page.evaluate("seen") > 0
    requests = {widgets.nth(n).locator(".reading").inner_text() for n in range(2)}
    assert len(requests) == 2
    expect(page.get_by_role("link", name="req_")).to_have_count(2)
    page.reload()
    for n in range(2):
        expect(widgets.nth(n).locator(".said")).to_have_count(1, timeout=SLOW)
    assert {widgets.nth(n).locator(".reading").inner_text() for n in range(2)} == requests
    page.get_by_role("button", name="Start over").click()
    for n in range(2):
        expect(widgets.nth(n).locator(".said")).to_have_count(0)
    context.close()
