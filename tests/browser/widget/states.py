"""How to bring a widget into each of its states: for tests of all of them, and for shots."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect

from tests.browser.widget.fake_server import FakeServer
from tests.browser.widget.seen import Seen

QUESTION = "How long do I have to send something back?"
ANSWER = (
    "You have **60 days** from delivery. Unworn items go back free with the label in the box; "
    "refunds reach your card in 3 to 5 working days [1]."
)
MENDED = "Yes. Send the broken section only; our workshop in Kendal cuts a new one, usually within"
LISTED = (
    "Three steps:\n\n1. Open your `order page`\n2. Choose *Return*\n3. Hand the parcel in\n\n"
    "| Item | Days |\n|---|---|\n| Tents | 60 |\n| Boots | 30 |\n\n"
    "> Boots must be unworn.\n\nMore at https://fernhill.example/returns."
)
SOURCES = [{"file_id": "file_1", "filename": "returns.md", "quote": "Items may be returned within "
            "60 days of delivery, in the packaging they came in."}]  # fmt: skip


def refusal(code: str, **more: object) -> dict[str, Any]:
    error = {"type": "invalid_request_error", "code": code, "message": "No.", "param": None}
    return {"status": 429, "error": {**error, **more}}


def _closed(seen: Seen, _fake: FakeServer) -> None:
    expect(seen.launcher).to_be_visible()


def _loading(seen: Seen, fake: FakeServer) -> None:
    fake.stop()
    seen.launcher.click()
    expect(seen.panel.locator(".skeleton")).to_be_visible()


def _ready(seen: Seen, _fake: FakeServer) -> None:
    seen.open()


def _answered(seen: Seen, fake: FakeServer) -> None:
    fake.sources = SOURCES
    fake.answers = lambda _: ANSWER
    seen.open()
    seen.ask(QUESTION)
    seen.ready()


def _sourced(seen: Seen, fake: FakeServer) -> None:
    _answered(seen, fake)
    seen.panel.locator("cite button").click()


def _formatted(seen: Seen, fake: FakeServer) -> None:
    fake.answers = lambda _: LISTED
    seen.open()
    seen.ask("How do returns work?")
    seen.ready()


def _streaming(seen: Seen, fake: FakeServer) -> None:
    _answered(seen, fake)
    fake.answers, fake.pace = lambda _: MENDED + " x" * 100, 0.001
    fake.hold_after = len(MENDED.split(" "))
    seen.ask("Do you mend tent poles?")
    expect(seen.answers.last).to_have_text(MENDED)


def _stopped(seen: Seen, fake: FakeServer) -> None:
    _streaming(seen, fake)
    seen.button("Stop").click()
    fake.hold_after = None
    seen.ready()


def _failed(seen: Seen, fake: FakeServer) -> None:
    _answered(seen, fake)
    fake.answers, fake.fails = lambda _: MENDED + " " + MENDED, "engine_failed"
    fake.metadata = {"request_id": "req_8f2c41d7"}
    seen.ask("And if the label got lost?")
    seen.in_state("failed")


def _offline(seen: Seen, fake: FakeServer) -> None:
    _answered(seen, fake)
    seen.page.context.set_offline(True)
    seen.in_state("offline")
    seen.ask("Do you mend tent poles?")
    expect(seen.panel.locator(".asked .cut-off").last).to_be_visible()


def _reconnecting(seen: Seen, fake: FakeServer) -> None:
    _answered(seen, fake)
    fake.stop()
    seen.in_state("reconnecting")


def _limited(seen: Seen, fake: FakeServer) -> None:
    fake.chatbot["strings"] = {"rate_limited": "That was 20 messages in an hour."}
    _answered(seen, fake)
    fake.errors = [refusal("rate_limited", retry_after=42)]
    seen.ask("And one more thing")
    seen.in_state("limited")


def _resting(seen: Seen, fake: FakeServer) -> None:
    _answered(seen, fake)
    fake.errors = [refusal("budget_exhausted")]
    seen.ask("Hello?")
    seen.in_state("resting")


def _closed_by(code: int, state: str) -> Callable[[Seen, FakeServer], None]:
    def act(seen: Seen, fake: FakeServer) -> None:
        fake.closes = code
        seen.launcher.click()
        seen.in_state(state)

    return act


STATES: dict[str, Callable[[Seen, FakeServer], None]] = {
    "closed": _closed,
    "loading": _loading,
    "ready": _ready,
    "streaming": _streaming,
    "answered": _answered,
    "sourced": _sourced,
    "formatted": _formatted,
    "stopped": _stopped,
    "failed": _failed,
    "offline": _offline,
    "reconnecting": _reconnecting,
    "limited": _limited,
    "resting": _resting,
    "paused": _closed_by(4404, "paused"),
    "refused": _closed_by(4403, "refused"),
}
