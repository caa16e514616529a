"""Limits and budgets, as the visitor meets them: said kindly, and over when they are over."""

import pytest
from playwright.sync_api import expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.fake_server import FakeServer
from tests.browser.widget.states import refusal


def test_a_rate_limit_counts_down_and_gives_the_words_back(visit: Visit, fake: FakeServer) -> None:
    fake.chatbot["strings"] = {"rate_limited": "That was 20 messages in an hour."}
    fake.errors = [refusal("rate_limited", retry_after=3)]
    seen = visit().open()
    seen.ask("One too many")
    seen.in_state("limited")
    expect(seen.notice).to_contain_text("That was 20 messages in an hour.")
    expect(seen.notice.get_by_role("timer")).to_have_text("0:02")
    expect(seen.questions).to_have_count(0)
    expect(seen.box).to_have_value("One too many")
    expect(seen.button("Send")).to_be_disabled()
    seen.box.press("Enter")
    assert len(fake.frames("response.create")) == 1
    seen.ready()
    expect(seen.notice).to_be_hidden()
    seen.button("Send").click()
    expect(seen.answers).to_have_text("You said: One too many")


@pytest.mark.parametrize("code", ["budget_exhausted", "insufficient_balance"])
def test_a_chatbot_without_money_rests_and_tells_nothing_of_it(
    visit: Visit, fake: FakeServer, code: str
) -> None:
    fake.chatbot["strings"] = {"resting": "We rest until tomorrow."}
    fake.errors = [refusal(code)]
    seen = visit().open()
    seen.ask("Hello?")
    seen.in_state("resting")
    expect(seen.notice).to_contain_text("We rest until tomorrow.")
    expect(seen.box).to_be_disabled()
    assert "balance" not in seen.panel.inner_text().lower()


def test_a_message_that_is_too_long_is_not_lost(visit: Visit, fake: FakeServer) -> None:
    fake.errors = [refusal("input_too_long")]
    seen = visit().open()
    seen.ask("Far too many words")
    expect(seen.notice).to_contain_text("too long")
    expect(seen.box).to_have_value("Far too many words")
    seen.ask("Few")
    expect(seen.answers).to_have_text("You said: Few")
    expect(seen.notice).to_be_hidden()


def test_the_box_takes_no_more_than_the_server_does(visit: Visit, fake: FakeServer) -> None:
    fake.limits = {"input_characters": 10, "rate_limits": []}
    seen = visit().open()
    expect(seen.box).to_have_attribute("maxlength", "10")


def test_an_overloaded_server_gives_the_words_back(visit: Visit, fake: FakeServer) -> None:
    fake.errors = [refusal("server_overloaded", retry_after=1)]
    seen = visit().open()
    seen.ask("Hello?")
    expect(seen.notice).to_contain_text("Too many people")
    expect(seen.box).to_have_value("Hello?")


def test_a_question_waits_for_the_answer_of_another_tab(visit: Visit, fake: FakeServer) -> None:
    fake.errors = [refusal("response_in_progress")]
    seen = visit().open()
    seen.ask("After you")
    expect(seen.answers).to_have_text("You said: After you", timeout=10_000)
    assert len(fake.told) == 1
