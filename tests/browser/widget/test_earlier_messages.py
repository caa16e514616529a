"""A long conversation: its end at once, what came before when it is asked for."""

from playwright.sync_api import expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.fake_answer import Answer
from tests.browser.widget.fake_server import FakeServer
from tests.browser.widget.seen import Seen


def _long_ago(fake: FakeServer, count: int) -> None:
    for at in range(count):
        event = {"type": "response.output_text.delta", "delta": f"Answer {at}."}
        told = Answer(f"resp_{at}", f"e{at}", f"Question {at}", "", status="completed")
        told.events.append(event)
        fake.told.append(told)


def _top(seen: Seen, text: str) -> float:
    box = seen.panel.get_by_text(text, exact=True).bounding_box()
    assert box is not None
    return box["y"]


def test_earlier_messages_come_above_and_what_is_read_stays_where_it_is(
    visit: Visit, fake: FakeServer
) -> None:
    _long_ago(fake, 40)
    seen = visit().open()
    expect(seen.questions).to_have_count(15)
    expect(seen.questions.last).to_be_in_viewport()
    more = seen.button("Earlier messages")
    for shown in (30, 40):
        more.scroll_into_view_if_needed()
        more.focus()
        first = seen.questions.first.inner_text()
        before = _top(seen, first)
        more.press("Enter")
        expect(seen.questions).to_have_count(shown)
        assert abs(_top(seen, first) - before) < 60, "it did not jump"
    expect(more).to_be_hidden()
    expect(seen.panel.get_by_role("log")).to_be_focused()
    assert seen.questions.all_inner_texts() == [f"Question {at}" for at in range(40)]
    assert [frame["before"] for frame in fake.frames("conversation.items.list")] == [
        "msg_uresp_25", "msg_uresp_10",
    ]  # fmt: skip


def test_a_short_conversation_offers_none(visit: Visit, fake: FakeServer) -> None:
    _long_ago(fake, 3)
    seen = visit().open()
    expect(seen.questions).to_have_count(3)
    expect(seen.button("Earlier messages")).to_be_hidden()
