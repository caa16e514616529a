"""The widget as a visitor sees it: by names and words, and what the browser complained about."""

from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from tests.patience import PATIENCE


class Seen:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.hosts: set[str] = set()
        self.name = self.key = self.slug = ""  # of its chatbot, where there is a real one
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.hosts.add(request.url.split("/")[2]))
        page.on("websocket", lambda socket: self.hosts.add(socket.url.split("/")[2]))

    def _hear(self, message: ConsoleMessage) -> None:
        # A refused connection is the browser's own remark, and often what the test is about.
        if message.type in {"error", "warning"} and "WebSocket connection" not in message.text:
            self.complaints.append(message.text)

    @property
    def widget(self) -> Locator:
        return self.page.locator("chat-widget")

    @property
    def launcher(self) -> Locator:
        return self.page.locator("chat-widget .launcher")

    @property
    def panel(self) -> Locator:
        return self.page.locator("chat-widget .panel")

    @property
    def box(self) -> Locator:
        return self.page.locator("chat-widget textarea")

    @property
    def notice(self) -> Locator:
        return self.page.locator("chat-widget .notice")

    @property
    def answers(self) -> Locator:
        """Without the welcome, which is no message."""
        return self.page.locator("chat-widget .answer[part=message] > .words")

    @property
    def questions(self) -> Locator:
        return self.page.locator("chat-widget .said")

    def button(self, name: str) -> Locator:
        return self.widget.get_by_role("button", name=name, exact=True)

    def open(self) -> "Seen":
        if self.widget.get_attribute("mode") in {None, "bubble"}:
            self.launcher.click()
        return self.ready()

    def ready(self) -> "Seen":
        self.in_state("ready")
        return self

    def in_state(self, state: str, seconds: float = PATIENCE) -> None:
        expect(self.widget).to_have_attribute("state", state, timeout=seconds * 1000)

    def ask(self, text: str) -> None:
        self.box.fill(text)
        self.box.press("Enter")

    def listen(self, *names: str) -> None:
        """Keep the widget's events; `heard` tells them."""
        self.page.evaluate(
            """(names) => {
                window.heard = [];
                for (const name of names) addEventListener(`chat:${name}`,
                    (event) => window.heard.push([name, event.detail]));
            }""",
            list(names),
        )

    def heard(self) -> list[tuple[str, dict[str, Any]]]:
        return [(name, detail) for name, detail in self.page.evaluate("window.heard")]
