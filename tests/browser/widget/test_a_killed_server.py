"""The process that writes an answer dies, and its visitor is answered all the same."""

import os
import signal

import pytest
from playwright.sync_api import expect

from tests.browser.widget.conftest import Meet
from tests.browser.widget.real import Shop, words
from tests.running import wait_until


@pytest.mark.timeout(200)
def test_the_answer_is_complete_after_the_server_was_killed_in_its_middle(
    meet: Meet, shop: Shop
) -> None:
    """Its process dies with the answer; the widget comes back, and ends with all of it, once."""
    seen = meet().open()
    seen.ask("#words=120 #pace=50")
    expect(seen.answers).to_contain_text("w20 ")
    os.kill(shop.server.child("serve"), signal.SIGKILL)
    seen.in_state("reconnecting")
    wait_until(shop.server.ready, 60, "the server is back")
    expect(seen.answers).to_have_text(words(120), timeout=90_000)
    seen.in_state("ready", seconds=30)
    expect(seen.answers).to_have_count(1)
    expect(seen.questions).to_have_count(1)
    assert [row[2] for row in shop.messages()].count(words(120)) == 1
