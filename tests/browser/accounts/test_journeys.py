"""What people do with their accounts, from the first page to the last, in a real browser."""

import json
import zipfile
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.browser.accounts.people import PASSWORD, code, guest, link_in_mail
from tests.running import Server


def test_from_the_home_page_to_a_confirmed_account(browser: Browser, server: Server) -> None:
    with guest(browser, server) as dora:
        dora.go("/")
        dora.page.get_by_role("link", name="Sign up").click()
        expect(dora.page.locator("main input[name=email]")).to_be_focused()
        dora.fill(email="dora@example.com", password1=PASSWORD, organisation="Dora's diner")
        dora.press("Make the account")
        dora.page.wait_for_url("**/dashboard/doras-diner/overview*")
        expect(dora.page.locator(".balance-chip")).to_contain_text("$1.00")
        dora.go(link_in_mail(server, "dora@example.com", "/accounts/confirm-email/"))
        dora.press("Yes, confirm it")
        dora.go("/accounts/email/")
        expect(dora.page.locator("main")).to_contain_text("dora@example.com Confirmed")


def test_everything_works_without_scripts(browser: Browser, server: Server) -> None:
    with guest(browser, server, scripts=False) as emil:
        emil.sign_up("emil@example.com", "Emil's eels")
        assert "/dashboard/" in emil.page.url
        emil.go("/account")
        emil.fill(name="Emil")
        emil.press("Save")
        expect(emil.page.locator("main input[name=name]")).to_have_value("Emil")
        emil.go("/accounts/logout/")
        emil.press("Log out")
        emil.log_in("emil@example.com", "wrong")
        expect(emil.page.get_by_text("do not belong together")).to_be_visible()
        expect(emil.page.locator("main input[name=password]")).to_be_focused()
        emil.log_in("emil@example.com")
        assert "/dashboard/" in emil.page.url


def test_a_forgotten_password_is_replaced_by_mail(browser: Browser, server: Server) -> None:
    with guest(browser, server) as fay:
        fay.sign_up("fay@example.com", "Fay's farm")
    with guest(browser, server) as fay:
        fay.go("/accounts/login/")
        fay.page.get_by_role("link", name="Forgotten?").click()
        fay.fill(email="fay@example.com")
        fay.press("Send the link")
        fay.go(link_in_mail(server, "fay@example.com", "/accounts/password/reset/key/"))
        fay.fill(password1="another long walk", password2="another long walk")
        fay.press("Set the password")
        fay.log_in("fay@example.com", "another long walk")
        fay.page.wait_for_url("**/dashboard/**")


def test_a_second_factor_is_asked_for_at_the_next_login(browser: Browser, server: Server) -> None:
    with guest(browser, server) as gus:
        gus.sign_up("gus@example.com", "Gus's garage")
        gus.go(link_in_mail(server, "gus@example.com", "/accounts/confirm-email/"))
        gus.press("Yes, confirm it")
        gus.go("/accounts/2fa/")
        gus.page.get_by_role("link", name="Switch on").click()
        gus.show_that_it_is_me()
        expect(gus.page.locator("img.qr")).to_be_visible()
        secret = gus.page.get_by_label("Or type this secret").input_value()
        gus.fill(code=code(secret))
        gus.press("Switch on")
        gus.go("/accounts/2fa/recovery-codes/")
        one = gus.page.locator("pre code").inner_text().split()[0]
    with guest(browser, server) as gus:
        gus.log_in("gus@example.com")
        gus.fill(code="000000")
        gus.press("Log in")
        expect(gus.page.get_by_text("Incorrect code")).to_be_visible()
        gus.fill(code=one)  # the app's code was used a moment ago, and counts once
        gus.press("Log in")
        gus.page.wait_for_url("**/dashboard/**")


def test_an_invited_person_joins_by_the_link(browser: Browser, server: Server) -> None:
    tenant = server.tenant("Hana's hall", email="hana@example.com")
    with tenant.http() as http:
        asked = {"email": "ivo@example.com", "role": "developer"}
        link = http.post("/v1/invitations", json=asked).json()["link"]
    with guest(browser, server) as ivo:
        ivo.go(link)
        expect(ivo.page.get_by_role("heading", name="Join Hana's hall")).to_be_visible()
        ivo.page.get_by_role("link", name="Make an account to join").click()
        expect(ivo.page.locator("main input[name=email]")).to_have_value("ivo@example.com")
        expect(ivo.page.locator("main input[name=organisation]")).to_have_count(0)
        ivo.fill(password1=PASSWORD)
        ivo.press("Make the account")
        ivo.press("Join")
        ivo.page.wait_for_url("**/dashboard/hanas-hall/overview*")
        expect(ivo.page.get_by_text("You are now a member of Hana's hall.")).to_be_visible()
        refused = ivo.page.goto(link)
        assert refused is not None
        assert refused.status == 404
        ivo.complaints.clear()  # a browser says so, too, when a page is not there


def test_taking_ones_data_along_and_leaving(
    browser: Browser, server: Server, tmp_path: Path
) -> None:
    with guest(browser, server) as jo:
        jo.sign_up("jo@example.com", "Jo's joinery")
        jo.go("/account")
        with jo.page.expect_download() as download:
            jo.press("Export")
        download.value.save_as(tmp_path / "jo.zip")
        with zipfile.ZipFile(tmp_path / "jo.zip") as packed:
            assert json.loads(packed.read("account.json"))[0]["email"] == "jo@example.com"
        jo.page.get_by_role("link", name="Delete", exact=True).click()
        jo.show_that_it_is_me()
        expect(jo.page.get_by_text("Nobody else belongs to Jo's joinery")).to_be_visible()
        jo.fill(email="jo@example.com")
        jo.press("Delete for ever")
        expect(jo.page.get_by_role("heading", name="Your account is deleted")).to_be_visible()
        jo.log_in("jo@example.com")
        expect(jo.page.get_by_text("do not belong together")).to_be_visible()
    left = "from accounts.models import User; print(User.objects.filter(email='jo@example.com'))"
    assert "<QuerySet []>" in server.manage("shell", "-v", "0", "-c", left)


def test_a_test_payment_is_labelled_and_credited_once(browser: Browser, server: Server) -> None:
    with guest(browser, server) as kim:
        kim.sign_up("kim@example.com", "Kim's kiosk")
        kim.go("/dashboard/kims-kiosk/billing")
        kim.press("Top up")
        dialog = kim.page.get_by_role("dialog")
        dialog.locator("input[name=amount]").fill("7.00")
        dialog.locator("button[type=submit], button:not([type])").first.click()
        kim.page.wait_for_url("**/payments/*/test")
        expect(kim.page.get_by_text("Test payment: no money moves.")).to_be_visible()
        checkout = kim.page.url
        kim.press("Pretend to pay")
        kim.page.wait_for_url("**/dashboard/kims-kiosk/billing*")
        expect(kim.page.locator(".balance-chip")).to_contain_text("$8.00")
        kim.go(checkout)
        expect(kim.page.get_by_text("This payment is over")).to_be_visible()
