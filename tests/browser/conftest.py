"""A browser, and somebody signed in to a running site with a past."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser import chromium
from tests.browser.pages import Visitor
from tests.running import Server

EMAIL, PASSWORD = "grace@fernhill.example", "a long way to Wasdale"
SEED = """
from accounts.models import User
from tests.browser import seeding
user = User.objects.get(email={email!r})
user.set_password({password!r})
user.save()
seeding.fill(user.memberships.get().organisation.slug, calls_a_day=6)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for a file of tests: the next file may need the event loop that this one occupies."""
    if chromium.found() is None:
        pytest.skip(chromium.MISSING)
    with chromium.driven() as browser:
        yield browser


@pytest.fixture(scope="session")
def team(server: Server) -> Visitor:
    """The owner of a team of their own, so that other tests find the demo as it was."""
    options = ["--json", f"--email={EMAIL}", "--credit=10"]
    made = json.loads(server.manage("organisations", "create", "Fernhill", *options))
    server.manage("shell", "-v", "0", "-c", SEED.format(email=EMAIL, password=PASSWORD))
    return Visitor(server.url, EMAIL, PASSWORD, "fernhill", api_key=made["api_key"])


@pytest.fixture(scope="module")
def owner(browser: Browser, team: Visitor, tmp_path_factory: pytest.TempPathFactory) -> Visitor:
    """Signed in; one session for a file of tests."""
    session: Path = tmp_path_factory.mktemp("session") / "state.json"
    return team.sign_in(browser, session)


@pytest.fixture(autouse=True)
def no_complaint_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever a test does on our pages: no console message, no foreign request."""
    yield
    if "owner" in request.fixturenames:
        visitor: Visitor = request.getfixturevalue("owner")
        said, visitor.complaints[:] = list(visitor.complaints), []
        assert said == []
