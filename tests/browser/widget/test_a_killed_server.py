"""The process that writes an answer dies, and its visitor is answered all the same."""

import os
import signal

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.widget.conftest import Meet
from tests.browser.widget.real import Shop, words
from tests.running import wait_until


@pytest.mark.timeout(200)
def test_the_answer_is_complete_after_the_server_was_killed_in_its_middle(
    meet: Meet, shop: Shop, context: BrowserContext
) -> None:
    """Its process dies with the answer; both tabs come back, and end with all of it, once. So does
    the conversation that is kept: no question twice, no half an answer beside the whole one."""
    seen = meet().open()
    seen.ask("#words=120 #pace=50")
    expect(seen.answers).to_contain_text("w5 ")
    other = shop.visit(context.new_page(), seen.name, seen.key)
    other.launcher.click()
    for tab in (seen, other):
        expect(tab.answers).to_contain_text("w20 ")
    os.kill(shop.server.child("serve"), signal.SIGKILL)
    seen.in_state("reconnecting")
    wait_until(shop.server.ready, 60, "the server is back")
    for tab in (seen, other):
        expect(tab.answers).to_have_text(words(120), timeout=90_000)
        tab.in_state("ready", seconds=30)
        expect(tab.answers).to_have_count(1)
        expect(tab.questions).to_have_count(1)
    said = [(role, text) for role, _, text, _ in shop.messages()]
    assert said == [("user", "#words=120 #pace=50"), ("assistant", words(120))]
