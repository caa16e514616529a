"""Every page of the dashboard by its name, as tests and pictures walk through them."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.chromium import PHONE, WIDE

TEAM_PAGES: Final = {
    "overview": "overview?days=30",
    "chatbots": "chatbots",
    "chatbot": "chatbots/support/",
    "chatbot-code": "chatbots/support/code",
    "chatbot-compare": "chatbots/support/compare",
    "chatbot-embed": "chatbots/support/embed",
    "chatbot-versions": "chatbots/support/versions",
    "chatbot-settings": "chatbots/support/settings",
    "start": "start",
    "chatbot-new": "chatbots/new",
    "conversations": "conversations",
    "api-keys": "api-keys",
    "usage": "usage?days=30",
    "usage-cost": "usage?metric=cost&by=key&days=30",
    "usage-chatbots": "usage?by=chatbot",
    "usage-latency": "usage?metric=latency",
    "usage-errors": "usage?metric=errors&by=status",
    "billing": "billing",
    "models": "models",
    "model": "models/smarter-mini",
    "files": "files",
    "team": "team",
    "webhooks": "webhooks",
    "audit": "audit",
    "runs": "runs",
    "docs": "docs",
    "guide": "docs/errors/",
    "status": "status",
}
"""Under /dashboard/<team>/."""


@dataclass
class Visitor:
    """Somebody who is signed in at a running site."""

    url: str
    email: str
    password: str
    team: str = "demo"
    api_key: str = ""
    state: Path | None = None
    complaints: list[str] = field(default_factory=list)

    def address(self, page: str) -> str:
        return f"{self.url}/dashboard/{self.team}/{page}"

    def sign_in(self, browser: Browser, state: Path) -> "Visitor":
        """Once; contexts that follow bring the session along."""
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{self.url}/accounts/login/?next=/dashboard/")
        page.locator("input[name=login]").fill(self.email)
        page.locator("input[name=password]").fill(self.password)
        page.locator("main form button[type=submit]").first.click()
        page.wait_for_url("**/overview*")
        context.storage_state(path=state)
        context.close()
        self.state = state
        return self

    def context(
        self, browser: Browser, theme: str = "light", *, is_phone: bool = False
    ) -> BrowserContext:
        context = browser.new_context(
            storage_state=self.state,
            color_scheme="dark" if theme == "dark" else "light",
            viewport=PHONE if is_phone else WIDE,
            is_mobile=is_phone,  # a finger: what it touches is larger
            has_touch=is_phone,
            reduced_motion="reduce",
        )
        context.on("console", lambda said: self.complaints.append(f"console: {said.text}"))
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("request", lambda request: self._watch(request.url))
        return context

    def _watch(self, address: str) -> None:
        if not address.startswith((self.url, "data:", "blob:")):
            self.complaints.append(f"foreign request: {address}")

    def open(self, context: BrowserContext, page: str) -> Page:
        opened = context.new_page()
        answer = opened.goto(self.address(page), wait_until="load")
        assert answer is not None
        assert answer.status == 200, f"{page}: {answer.status}"
        return opened
