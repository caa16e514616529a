"""Somebody in front of a browser: what they see, and whether their browser complains."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from allauth.mfa.totp.internal.auth import (
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from playwright.sync_api import Browser, Page

from tests.running import Server

PASSWORD = "a long walk home"


@dataclass
class Guest:
    """A browser of one's own, with nothing in it yet."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        answer = self.page.goto(path if path.startswith("http") else f"{self.url}{path}")
        assert answer is not None
        assert answer.status < 500, path
        return self.page

    def fill(self, **fields: str) -> None:
        for name, value in fields.items():
            self.page.locator(f"main input[name={name}]").fill(value)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def log_in(self, email: str, password: str = PASSWORD) -> None:
        self.go("/accounts/login/")
        self.fill(login=email, password=password)
        self.press("Log in")

    def sign_up(self, email: str, organisation: str = "") -> None:
        self.go("/accounts/signup/")
        self.fill(email=email, password1=PASSWORD)
        if organisation:
            self.fill(organisation=organisation)
        self.press("Make the account")
        self.page.wait_for_load_state("networkidle")

    def restore(self, session: Path) -> None:
        """Go on in a session that was kept as a file."""
        self.page.context.add_cookies(json.loads(session.read_text())["cookies"])

    def show_that_it_is_me(self) -> None:
        self.fill(password=PASSWORD)
        self.press("Go on")


@contextmanager
def guest(
    browser: Browser, server: Server, *, scripts: bool = True, dark: bool = False, width: int = 1440
) -> Iterator[Guest]:
    """At the end their browser has had nothing to complain about."""
    context = browser.new_context(
        java_script_enabled=scripts,
        color_scheme="dark" if dark else "light",
        viewport={"width": width, "height": 844},
        reduced_motion="reduce",
    )
    somebody = Guest(context.new_page(), server.url)
    context.on("console", lambda said: somebody.complaints.append(f"console: {said.text}"))
    context.on("weberror", lambda error: somebody.complaints.append(str(error.error)))
    context.on(
        "request",
        lambda asked: (
            None
            if asked.url.startswith((somebody.url, server.url, "data:", "blob:"))
            else somebody.complaints.append(f"foreign request: {asked.url}")
        ),
    )
    yield somebody
    context.close()
    assert not somebody.complaints, somebody.complaints


def link_in_mail(server: Server, email: str, part: str) -> str:
    """The newest link to a page of ours in a mail to `email`; mail is printed in development."""
    log = server.data / "logs" / "web.log"
    end = time.monotonic() + 20
    while time.monotonic() < end:
        mails = log.read_text(errors="replace").split("Content-Type: text/plain")
        mine = [mail for mail in mails if f"To: {email}" in mail]
        found = [link for mail in mine for link in re.findall(rf"http://\S+{part}\S+", mail)]
        if found:
            return str(found[-1])
        time.sleep(0.1)
    raise AssertionError(f"no mail to {email} with a link to {part}")


def code(secret: str) -> str:
    """What an authenticator app shows now."""
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))
