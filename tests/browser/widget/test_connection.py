"""Networks and servers go away; words do not, and nobody is called without end."""

import time

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.widget.conftest import Visit
from tests.browser.widget.fake_server import FakeServer
from tests.patience import PATIENCE
from tests.running import wait_until

LONG = " ".join(f"word{number}" for number in range(80))


def test_an_answer_is_whole_after_its_server_was_killed_in_the_middle(
    visit: Visit, fake: FakeServer
) -> None:
    """Killed, not closed; the answer is written on meanwhile. No word twice, none missing."""
    fake.answers, fake.pace = lambda _: LONG, 0.03
    seen = visit().open()
    seen.ask("Tell me")
    expect(seen.answers).to_contain_text("word9")
    fake.stop()
    seen.in_state("reconnecting")
    expect(seen.notice).to_contain_text("The connection is lost.")
    time.sleep(0.5)
    fake.start()
    seen.ready()
    expect(seen.answers).to_have_text(LONG)
    expect(seen.notice).to_be_hidden()
    resumed = fake.frames("session.update")[-1]["session"]["resume"]
    assert resumed["response_id"] == fake.told[0].id
    assert resumed["starting_after"] >= 9
    assert len(fake.frames("response.create")) == 1


def test_a_snapshot_replaces_the_text_instead_of_growing_it(visit: Visit, fake: FakeServer) -> None:
    fake.answers, fake.pace = lambda _: LONG, 0.05
    seen = visit().open()
    seen.ask("Tell me")
    expect(seen.answers).to_contain_text("word3")
    answer = fake.told[0]
    number = len(answer.events) - 1
    snapshot = {"type": "response.snapshot", "sequence_number": number}
    fake.say({**snapshot, "response": answer.response()})
    seen.ready()
    expect(seen.answers).to_have_text(LONG)


def test_events_that_were_seen_before_change_nothing(visit: Visit, fake: FakeServer) -> None:
    fake.answers, fake.hold_after = lambda _: LONG, 3
    seen = visit().open()
    seen.ask("Hello")
    expect(seen.answers).to_have_text("word0 word1 word2")
    for event in list(fake.told[0].events):
        fake.say(event)
    seen.page.wait_for_timeout(200)
    assert seen.answers.inner_text() == "word0 word1 word2"
    fake.hold_after = None
    seen.ready()
    expect(seen.answers).to_have_text(LONG)


def test_offline_the_composer_keeps_its_text_and_one_message_waits(
    visit: Visit, fake: FakeServer, context: BrowserContext
) -> None:
    seen = visit().open()
    context.set_offline(True)
    seen.in_state("offline")
    expect(seen.notice).to_contain_text("You are offline.")
    seen.ask("While away")
    expect(seen.notice).to_contain_text("sent as soon as you are back")
    expect(seen.panel.locator(".asked .cut-off")).to_have_text("Not sent yet")
    seen.box.fill("And another")
    expect(seen.button("Send")).to_be_disabled()
    assert fake.frames("response.create") == []
    context.set_offline(False)
    expect(seen.answers).to_have_text("You said: While away")
    expect(seen.box).to_have_value("And another")
    assert len(fake.frames("response.create")) == 1


def test_a_message_that_waits_survives_a_reload(visit: Visit, fake: FakeServer) -> None:
    seen = visit().open()
    fake.stop()
    seen.in_state("reconnecting")
    seen.ask("Remember me")
    seen.page.evaluate("document.querySelector('chat-widget').remove()")
    fake.start()
    seen.page.reload()
    seen.launcher.click()
    expect(seen.answers).to_have_text("You said: Remember me")
    assert len(fake.told) == 1


def test_a_question_that_may_not_have_arrived_is_sent_again_under_its_own_name(
    visit: Visit, fake: FakeServer
) -> None:
    """The server dies between taking the question and saying so: it is answered and billed once."""
    seen = visit().open()
    fake.pace = 0.2
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
    seen.ask("Only once")
    expect(seen.answers).to_have_text("You said: Only once", timeout=15000)
    seen.ready()
    assert len({frame["event_id"] for frame in fake.frames("response.create")}) == 1
    assert len(fake.told) == 1
    expect(seen.questions).to_have_count(1)


@pytest.mark.parametrize(
    ("code", "state", "words"),
    [
        (4403, "refused", "not available on this site"),
        (4404, "paused", "not available right now"),
        (4401, "key", "cannot be opened"),
    ],
)
def test_what_is_refused_for_good_is_said_and_not_tried_again(
    visit: Visit, fake: FakeServer, code: int, state: str, words: str
) -> None:
    fake.closes = code
    seen = visit()
    seen.page.clock.install()
    seen.launcher.click()
    seen.in_state(state)
    expect(seen.notice).to_contain_text(words)
    expect(seen.box).to_be_hidden()
    seen.page.clock.fast_forward("10:00")
    seen.page.evaluate("dispatchEvent(new Event('online'))")
    time.sleep(0.5)
    assert fake.connections <= 2 if code == 4401 else fake.connections == 1


def test_an_overloaded_server_is_asked_again_with_growing_patience(
    visit: Visit, fake: FakeServer
) -> None:
    fake.closes = 1013
    seen = visit()
    seen.launcher.click()
    time.sleep(3)
    assert 2 <= fake.connections <= 5
    fake.closes = None
    seen.ready()


def test_a_server_that_announces_its_restart_is_waited_for(visit: Visit, fake: FakeServer) -> None:
    seen = visit().open()
    fake.say({"type": "session.closing", "reason": "restart", "reconnect_after_ms": 700})
    fake.close_all(1012)
    began = time.monotonic()
    seen.in_state("reconnecting")
    seen.ready()
    assert 0.5 < time.monotonic() - began < 5
    assert fake.connections == 2


def test_an_old_token_is_renewed_without_a_word(visit: Visit, fake: FakeServer) -> None:
    seen = visit().open()
    seen.ask("Hello")
    seen.ready()
    fake.expired.add("token-1")
    seen.page.reload()
    seen.ready()
    seen.launcher.click()
    assert "visitor_token" not in fake.received[-1]["session"]
    seen.ask("Still here")
    expect(seen.answers.last).to_have_text("You said: Still here")
    assert "token-2" in seen.page.evaluate("JSON.stringify(localStorage)")


def test_a_preview_goes_on_when_it_is_given_a_new_token(visit: Visit, fake: FakeServer) -> None:
    fake.closes = 4401
    seen = visit(preview="old")
    seen.launcher.click()
    seen.in_state("key")
    fake.closes = None
    seen.widget.evaluate("(widget) => widget.setAttribute('preview', 'new')")
    seen.ready()
    assert fake.frames("session.update")[-1]["session"]["preview"] == "new"


def test_a_message_that_arrived_before_its_page_went_is_known_after_a_reload(
    visit: Visit, fake: FakeServer
) -> None:
    """It is in the list by its event: not shown twice, not sent twice."""
    seen = visit().open()
    fake.hold_after = 1
    seen.ask("Said once")
    expect(seen.answers).to_have_text("You")
    kept = seen.page.evaluate(
        """() => {
            const [name] = Object.keys(localStorage);
            return [name, {...JSON.parse(localStorage[name])}];
        }"""
    )
    kept[1]["asking"] = {"eventId": fake.told[0].event_id, "text": "Said once"}
    seen.page.evaluate("document.querySelector('chat-widget').remove()")
    seen.page.evaluate("([name, it]) => localStorage[name] = JSON.stringify(it)", kept)
    fake.hold_after = None
    wait_until(lambda: fake.told[0].status == "completed", PATIENCE, "its end")
    seen.page.reload()
    seen.ready()
    seen.launcher.click()
    expect(seen.questions).to_have_count(1)
    expect(seen.answers).to_have_text("You said: Said once")
    assert len(fake.frames("response.create")) == 1


def test_silence_is_taken_for_a_lost_connection(visit: Visit, fake: FakeServer) -> None:
    seen = visit()
    seen.page.clock.install()
    seen.open()
    seen.page.clock.fast_forward(45_000)
    wait_until(lambda: fake.frames("ping"), PATIENCE, "a ping")
    fake.received.clear()
    seen.page.evaluate("WebSocket.prototype.send = () => {}")  # nothing gets out any more
    for _ in range(4):
        seen.page.clock.fast_forward(20_000)
    wait_until(lambda: fake.connections >= 2, PATIENCE, "another connection")


def test_coming_back_to_the_page_ends_the_waiting(visit: Visit, fake: FakeServer) -> None:
    seen = visit().open()
    fake.stop()
    seen.in_state("reconnecting")
    time.sleep(4)  # the waits have grown
    fake.start()
    seen.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    seen.in_state("ready", seconds=1)


def test_a_closed_page_leaves_no_connection(visit: Visit, fake: FakeServer) -> None:
    seen = visit().open()
    seen.page.evaluate("document.querySelector('chat-widget').remove()")
    wait_until(lambda: not fake.sockets, PATIENCE, "no socket")
    assert seen.complaints == []
