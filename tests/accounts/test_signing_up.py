"""Signing up and in: who may, what they get, and how guessing is slowed down."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from accounts import invitations
from accounts.models import AuditEntry, Membership, User
from billing.accounts import customer_account
from billing.models import Journal, TopUp
from tests.cast import Person

FORM = {
    "email": "Dora@Example.com", "password1": "a long walk home", "organisation": "Dora's diner",
}  # fmt: skip


@pytest.fixture(autouse=True)
def no_memory() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def sign_up(http: Client, **changes: str) -> Any:
    return http.post("/accounts/signup/", {**FORM, **changes})


def log_in(http: Client, email: str, password: str) -> Any:
    return http.post("/accounts/login/", {"login": email, "password": password})


def test_a_newcomer_owns_an_organisation_with_the_starter_credit(
    db: None, settings: Settings
) -> None:
    settings.STARTER_CREDIT_NANO = 10**9
    assert sign_up(Client())["Location"] == "/dashboard/"
    member = Membership.objects.get(user__email="dora@example.com")
    assert (member.role, member.organisation.name) == ("owner", "Dora's diner")
    assert customer_account(member.organisation_id).available == 10**9
    added = TopUp.objects.get(organisation=member.organisation)
    assert (added.provider, added.journal.kind) == (TopUp.Provider.STARTER, Journal.Kind.PROMO)


def test_no_starter_credit_is_no_top_up(db: None, settings: Settings) -> None:
    settings.STARTER_CREDIT_NANO = 0
    sign_up(Client())
    assert not TopUp.objects.exists()


def test_the_password_is_hashed_with_argon2(db: None, settings: Settings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    sign_up(Client())
    assert User.objects.get(email="dora@example.com").password.startswith("argon2$argon2id$")


@pytest.mark.parametrize(
    ("field", "value"),
    [("password1", "password"), ("organisation", "\a"), ("email", "nobody"), ("password1", "x7!")],
)
def test_what_is_wrong_stands_at_its_field_which_has_the_focus(
    db: None, field: str, value: str
) -> None:
    page = sign_up(Client(), **{field: value}).content.decode()
    assert not User.objects.exists()
    focused = re.findall(r"<input[^>]*autofocus[^>]*>", page)
    assert len(focused) == 1
    assert f'name="{field}"' in focused[0]
    assert 'aria-invalid="true"' in focused[0]


@pytest.mark.parametrize("policy", ["invite", "closed"])
def test_a_closed_door_opens_to_who_is_invited(
    ada: Person, settings: Settings, policy: str
) -> None:
    settings.SIGNUP = policy
    http = Client()
    assert b"made by invitation" in sign_up(http).content
    assert not User.objects.filter(email="dora@example.com").exists()
    _one, token = invitations.invite(ada.organisation, "dora@example.com", "analyst", ada.user)
    http.get(f"/invite/{token}")
    answer = http.post("/accounts/signup/", {**FORM, "email": "else@example.com"})
    assert b"The invitation is for dora@example.com" in answer.content
    answer = http.post("/accounts/signup/", {k: v for k, v in FORM.items() if k != "organisation"})
    assert answer["Location"] == f"/invite/{token}"
    http.post(f"/invite/{token}")
    mine = Membership.objects.filter(user__email="dora@example.com")
    assert [(m.organisation_id, m.role) for m in mine] == [(ada.organisation.id, "analyst")]


def test_where_it_is_asked_for_nobody_enters_before_the_address_is_confirmed(
    db: None, settings: Settings
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    http = Client()
    assert sign_up(http)["Location"] == "/accounts/confirm-email/"
    assert http.get("/account").status_code == 302
    link = re.findall(r"http://testserver(\S+)", str(mail.outbox[0].body))[0]
    assert b"Is dora@example.com yours?" in http.get(link).content
    http.post(link)
    assert EmailAddress.objects.get(email="dora@example.com").verified
    assert log_in(http, "dora@example.com", FORM["password1"])["Location"] == "/dashboard/"


def test_where_addresses_are_confirmed_nobody_learns_who_has_an_account(
    ada: Person, settings: Settings
) -> None:
    settings.ACCOUNT_EMAIL_VERIFICATION = "mandatory"
    known = sign_up(Client(), email=ada.user.email)
    unknown = sign_up(Client())
    assert known["Location"] == unknown["Location"] == "/accounts/confirm-email/"
    resets = [
        Client().post("/accounts/password/reset/", {"email": email}).headers["Location"]
        for email in (ada.user.email, "nobody@example.com")
    ]
    assert len(set(resets)) == 1


def test_a_password_is_reset_by_mail(ada: Person) -> None:
    http = Client()
    http.post("/accounts/password/reset/", {"email": ada.user.email})
    link = re.findall(r"http://testserver(\S+)", str(mail.outbox[0].body))[0]
    form = http.get(link)["Location"]
    http.post(form, {"password1": "another long walk", "password2": "another long walk"})
    assert log_in(Client(), ada.user.email, "another long walk")["Location"] == "/dashboard/"
    assert log_in(Client(), ada.user.email, "correct horse").status_code == 200
    assert Client().get(link).status_code == 200  # used up: a page that says so


def test_a_wrong_password_is_told_beside_it_and_guessing_ends_after_five(ada: Person) -> None:
    http = Client()
    page = log_in(http, ada.user.email, "wrong").content.decode()
    assert "do not belong together" in page
    for _guess in range(4):
        log_in(http, ada.user.email, "wrong")
    assert b"Too many attempts" in log_in(http, ada.user.email, "correct horse").content
    answer = log_in(Client(REMOTE_ADDR="203.0.113.9"), ada.user.email, "correct horse")
    assert b"Too many attempts" in answer.content  # by account, wherever it comes from


def test_an_address_that_tries_many_accounts_is_stopped(db: None, settings: Settings) -> None:
    def tries(forwarded: str) -> Any:
        http = Client(REMOTE_ADDR="198.51.100.7", headers={"x-forwarded-for": forwarded})
        return log_in(http, f"somebody{forwarded}@example.com", "wrong")

    for number in range(10):
        assert b"Too many attempts" not in tries(f"203.0.113.{number}").content
    assert b"Too many attempts" in tries("203.0.113.99").content  # the header is not believed
    settings.TRUSTED_PROXIES = ["198.51.100.7"]
    assert b"Too many attempts" not in tries("203.0.113.100").content


def test_signing_up_and_asking_for_resets_are_limited_by_address(db: None) -> None:
    http = Client()
    statuses = [sign_up(Client(), email="").status_code for _ in range(21)]
    assert statuses[-1] == 429
    asked = [
        http.post("/accounts/password/reset/", {"email": "x@example.com"}).status_code
        for _ in range(6)
    ]
    assert asked[-1] == 429


def test_logins_are_written_down_without_addresses_of_nobody(ada: Person) -> None:
    log_in(Client(), ada.user.email, "wrong")
    log_in(Client(), "stranger@example.com", "wrong")
    log_in(Client(), ada.user.email, "correct horse")
    told = AuditEntry.objects.filter(target="browser").order_by("created_at")
    assert [(entry.action, entry.actor) for entry in told] == [
        ("login.failed", ada.user.id),
        ("login.failed", "nobody known"),
        ("login.succeeded", ada.user.id),
    ]


def test_no_page_leads_to_another_site_after_login(ada: Person) -> None:
    form = {"login": ada.user.email, "password": "correct horse", "next": "https://evil.example/"}
    assert Client().post("/accounts/login/", form)["Location"] == "/dashboard/"
