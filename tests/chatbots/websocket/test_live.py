"""The running product: answers, money, deploys, lost processes, many connections."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from websockets.exceptions import WebSocketException

from tests.chatbots.websocket import live
from tests.chatbots.websocket.live import LiveBot, browser, socket, text_of
from tests.patience import PATIENCE
from tests.running import Server, Tenant, wait_until

pytestmark = pytest.mark.xdist_group("chat_live")
SCRIPTED = (
    *("models", "add", "scripted", "--engine", "scripted:"),
    *("--input-price", "1", "--output-price", "2", "--context", "8192"),
)


@pytest.fixture(scope="module", params=["daphne", "uvicorn"])
def site(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Server]:
    place = tmp_path_factory.mktemp("chat") / "data"
    server = Server(place, options=("--server", request.param, "--no-worker"), engine=False).start()
    server.manage(*SCRIPTED)
    yield server
    server.end()


@pytest.fixture(scope="module")
def owner(site: Server) -> Tenant:
    return site.tenant("Bakery", credit="5.00", requests_per_minute=100_000)  # we poll


@pytest.fixture(scope="module")
def bot(site: Server, owner: Tenant) -> LiveBot:
    return live.made(
        site,
        "Bakery",
        system_prompt="Whisper.",
        max_output_tokens=4096,
        limits={"messages": 10_000, "address_messages": 100_000},
    )


def settled(owner: Tenant) -> int:
    """What is left when nothing is being answered any more."""
    wait_until(lambda: owner.get("/v1/balance")["held_nano"] == 0, PATIENCE, "no hold left")
    return owner.balance_nano()


def test_a_visitor_is_answered_and_the_owner_pays(bot: LiveBot, owner: Tenant) -> None:
    before = settled(owner)
    with browser(bot) as visitor:
        visitor.ask("one two three")
        final = visitor.answer()["response"]
        assert visitor.text == text_of(final) == "one two three"
        assert final["usage"]["output_tokens"] == 3
        assert "cost" not in final["usage"]
        assert "Whisper" not in str(visitor.heard), "the prompt is the owner's"
        (told,) = [f for f in visitor.heard if f["type"] == "rate_limits.updated"]
        assert told["rate_limits"][0]["remaining"] < told["rate_limits"][0]["limit"]
        visitor.send({"type": "conversation.items.list"})
        said = visitor.hear("conversation.items.listed")["items"]
        assert [item["role"] for item in said] == ["user", "assistant"]
        visitor.send({"type": "feedback.create", "item_id": said[1]["id"], "rating": "up"})
        assert visitor.hear("feedback.created")["rating"] == "up"
    used = final["usage"]
    cost = used["input_tokens"] * 1000 + used["output_tokens"] * 2000
    assert before - settled(owner) == cost


def test_a_question_that_is_sent_twice_is_charged_once(bot: LiveBot, owner: Tenant) -> None:
    before = settled(owner)
    with browser(bot) as visitor:
        visitor.ask("one two three")
        used = visitor.answer()["response"]["usage"]
        kept = visitor.kept
    with browser(bot, **kept) as visitor:
        visitor.ask("one two three")
        visitor.answer()
        assert visitor.text == "one two three"
    cost = used["input_tokens"] * 1000 + used["output_tokens"] * 2000
    assert before - settled(owner) == cost


def test_an_answer_that_was_interrupted_is_read_on(bot: LiveBot) -> None:
    with browser(bot) as first:
        first.ask("#words=60 #pace=20")
        while len(first.text) < 40:
            first.hear()
        shown, last, kept = first.text, first.last, first.kept
        response_id = next(
            f["response"]["id"] for f in first.heard if f["type"] == "response.created"
        )
    resume = {"response_id": response_id, "starting_after": last}
    with browser(bot, resume=resume, **kept) as second:
        final = second.answer()["response"]
        assert shown + second.text == text_of(final)
        assert second.session["active_response"] == response_id


def test_two_tabs_see_the_same_answer(bot: LiveBot) -> None:
    with browser(bot) as one:
        one.ask("Hello")
        one.answer()
        with browser(bot, **one.kept) as other:
            one.heard.clear()
            one.ask("#words=20 #pace=10", "e2")
            added = other.hear("conversation.item.added")
            assert added["item"]["content"][0]["text"] == "#words=20 #pace=10"
            ends = one.answer(), other.answer()
            assert ends[0]["response"] == ends[1]["response"]
            assert one.text == other.text == text_of(ends[0]["response"])


def test_an_answer_is_stopped(bot: LiveBot) -> None:
    with browser(bot) as visitor:
        visitor.ask("#words=2000 #pace=20")
        created = visitor.hear("response.created")
        visitor.hear("response.output_text.delta")
        visitor.send({"type": "response.cancel", "response_id": created["response"]["id"]})
        final = visitor.answer()
        assert final["type"] == "response.incomplete"
        assert visitor.text == text_of(final["response"])
        assert len(visitor.text.split()) < 100


def test_one_answer_at_a_time(bot: LiveBot) -> None:
    with browser(bot) as visitor:
        visitor.ask("#words=200 #pace=20")
        visitor.hear("response.created")
        visitor.ask("And?", "e2")
        error = visitor.hear("error")
        assert (error["event_id"], error["error"]["code"]) == ("e2", "response_in_progress")


def test_a_page_that_may_not_is_refused_in_words(bot: LiveBot) -> None:
    with socket(bot, origin="https://evil.example") as page:
        page.send({"type": "session.update", "session": {"key": bot.key}})
        assert page.hear("error")["error"]["code"] == "origin_not_allowed"
        assert page.code() == 4403


def test_a_socket_without_a_session_ends(bot: LiveBot) -> None:
    with socket(bot) as page:
        began = time.monotonic()
        assert page.code() == 4408
        assert time.monotonic() - began > 4


def test_a_frame_that_is_too_large_ends_with_a_word(bot: LiveBot) -> None:
    with browser(bot) as visitor:
        visitor.wire.send("x" * 70_000)
        assert visitor.hear("error")["error"]["code"] == "invalid_frame"
        assert visitor.code() == 4400


def test_a_thousand_visits_leave_nothing_behind(site: Server, bot: LiveBot, owner: Tenant) -> None:
    with browser(bot) as visitor:
        visitor.ask("#words=3000 #pace=20")
        visitor.hear("response.output_text.delta")
        kept = visitor.kept
        response_id = next(
            frame["response"]["id"]
            for frame in visitor.heard
            if frame["type"] == "response.created"
        )
    failures: list[Exception] = []
    threads = [
        threading.Thread(target=_visits, args=(bot, kept, response_id, failures)) for _ in range(8)
    ]
    before = _connections(bot)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    assert not failures
    wait_until(lambda: _connections(bot) <= before, PATIENCE, "connections closed")
    with browser(bot, **kept) as visitor:
        visitor.send({"type": "response.cancel", "response_id": response_id})
        assert visitor.answer()["type"] == "response.incomplete"
    assert settled(owner)


def _visits(
    bot: LiveBot, kept: dict[str, str], response_id: str, failures: list[Exception]
) -> None:
    for place in range(125):
        after = {"response_id": response_id, "starting_after": place}
        try:
            with browser(bot, resume=after, **kept) as visitor:
                visitor.hear("response.output_text.delta")
        except (OSError, WebSocketException) as error:
            failures.append(error)
            return


def _connections(bot: LiveBot) -> int:
    """Established ones to the server's port, seen from its end."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    port = f":{bot.server.port:04X}"
    return sum(line.split()[1].endswith(port) and line.split()[3] == "01" for line in lines)
