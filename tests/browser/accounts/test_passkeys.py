"""A passkey is added, opens the account without a password, and is taken away again."""

from playwright.sync_api import Browser, expect

from tests.browser.accounts.people import Guest, guest, link_in_mail
from tests.running import Server

KEY = {
    "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
    "hasUserVerification": True, "isUserVerified": True,
}  # fmt: skip


def test_a_passkey_opens_the_account_without_a_password(browser: Browser, server: Server) -> None:
    with guest(browser, server) as pia:
        pia.url = server.url.replace("127.0.0.1", "localhost")  # an address has no passkeys
        _plug_in(pia)
        pia.sign_up("pia@example.com", "Pia's pies")
        pia.go(link_in_mail(server, "pia@example.com", "/accounts/confirm-email/"))
        pia.press("Yes, confirm it")
        pia.go("/accounts/2fa/")
        pia.page.get_by_role("link", name="Add a passkey").click()
        pia.show_that_it_is_me()
        pia.press("Add")
        expect(pia.page.get_by_role("heading", name="Recovery codes")).to_be_visible()
        pia.go("/accounts/2fa/webauthn/")
        expect(pia.page.get_by_text("Opens your account without a password")).to_be_visible()
        pia.go("/accounts/logout/")
        pia.press("Log out")
        pia.go("/accounts/login/")
        pia.press("Use a passkey")
        pia.page.wait_for_url("**/dashboard/**")
        pia.go("/accounts/2fa/webauthn/")
        pia.page.get_by_role("link", name="Remove").click()
        pia.show_that_it_is_me()
        pia.press("Remove")
        expect(pia.page.get_by_text("None yet.")).to_be_visible()


def _plug_in(somebody: Guest) -> None:
    """An authenticator that is always there, and always sure who holds it."""
    tools = somebody.page.context.new_cdp_session(somebody.page)
    tools.send("WebAuthn.enable")
    tools.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
