"""Every page of accounts, payments and the public home: accessible, narrow enough, and quiet."""

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from tests.browser.accounts.people import PASSWORD, guest
from tests.running import Server

FOR_EVERYBODY = (
    "/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/",
    "/accounts/password/reset/done/", "/accounts/confirm-email/", "/accounts/inactive/",
)  # fmt: skip
SIGNED_IN = (
    "/account", "/accounts/email/", "/accounts/password/change/", "/accounts/2fa/",
    "/accounts/sessions/", "/accounts/logout/", "/accounts/reauthenticate/",
    "/accounts/2fa/webauthn/",
)  # fmt: skip
AFTER_THE_PASSWORD = (
    "/account/delete", "/accounts/2fa/totp/activate/", "/accounts/2fa/webauthn/add/",
)  # fmt: skip
LARGEST = 100 * 1024
"""Bytes of a first load, as sent."""


@pytest.fixture(scope="module")
def session(browser: Browser, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody with a confirmed address who is signed in, and has just shown that it is them."""
    email = "lea@example.com"
    server.tenant("Lea's lab", email=email)
    password = (
        f"from accounts.models import User; u = User.objects.get(email='{email}'); "
        f"u.set_password('{PASSWORD}'); u.save()"
    )
    server.manage("shell", "-v", "0", "-c", password)
    kept = tmp_path_factory.mktemp("lea") / "state.json"
    with guest(browser, server) as lea:
        lea.log_in(email)
        lea.go("/account/delete")
        lea.show_that_it_is_me()
        lea.page.context.storage_state(path=kept)
    return kept


@pytest.mark.parametrize("width", [1440, 375])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_are_accessible_narrow_and_quiet(
    browser: Browser, server: Server, session: Path, dark: bool, width: int
) -> None:
    for pages, state in ((FOR_EVERYBODY, None), (SIGNED_IN + AFTER_THE_PASSWORD, session)):
        with guest(browser, server, dark=dark, width=width) as somebody:
            if state is not None:
                somebody.restore(state)
            for path in pages:
                page = somebody.go(path)
                assert page.url.endswith(path), f"{path} led to {page.url}"
                found = Axe().run(page).response["violations"]
                assert [(path, one["id"], one["nodes"]) for one in found] == []
                assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_a_first_visit_is_light(browser: Browser, server: Server) -> None:
    with guest(browser, server) as somebody:
        sizes: list[int] = []
        somebody.page.on(
            "requestfinished",
            lambda asked: sizes.append(
                asked.sizes()["responseBodySize"] + asked.sizes()["responseHeadersSize"]
            ),
        )
        somebody.go("/accounts/login/")
        somebody.page.wait_for_load_state("networkidle")
        assert 0 < sum(sizes) <= LARGEST, sizes


def test_the_policy_has_no_exception(browser: Browser, server: Server) -> None:
    with guest(browser, server) as somebody:
        for path in FOR_EVERYBODY:
            answer = somebody.page.goto(server.url + path)
            assert answer is not None
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
