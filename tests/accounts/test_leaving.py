"""Deleting an account: every table is read afterwards, and nobody is found in any."""

import io
import json
import zipfile
from collections.abc import Iterator

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.totp.internal.auth import TOTP
from django.core.cache import cache
from django.db import connection
from django.test import Client

from accounts import invitations, leaving, members
from accounts.models import APIKey, AuditEntry, Invitation, Membership, Organisation, User
from api.errors import InvalidRequest
from billing.models import AutoTopUp, Journal
from inference.conversations import keeping
from inference.models import Conversation
from tests.accounts.conftest import ClientOf
from tests.accounts.every_route import begun_batch, kept_file, webhook
from tests.cast import Person

NAME = "Ada Augusta Byron"
PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def no_memory() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def known(ada: Person) -> Person:
    """Ada after a busy life: named, logged in, invited, with a second factor, in every audit."""
    User.objects.filter(pk=ada.user.pk).update(name=NAME)
    ada.user.refresh_from_db()
    Client().post("/admin/login/", {"username": ada.user.email, "password": "wrong"})
    Client().post("/accounts/login/", {"login": ada.user.email, "password": PASSWORD})
    TOTP.activate(ada.user, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")
    Invitation.objects.create(
        organisation=ada.organisation, email=ada.user.email, role="owner", digest="d",
        expires_at="2030-01-01T00:00Z",
    )  # fmt: skip
    AuditEntry.objects.create(
        actor="somebody", action="user.changed", target=ada.user.id, address="203.0.113.5",
        before={"name": NAME, "email": ada.user.email}, after={"name": "Ada"},
    )  # fmt: skip
    return ada


def everything() -> str:
    """All rows of all tables, as text."""
    read = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')  # noqa: S608 - our own tables' names
            read += [row[0] for row in cursor.fetchall()]
    return "\n".join(read)


def test_nothing_personal_is_left(known: Person, ben: Person) -> None:
    owner = Membership.objects.get(user=ben.user)
    members.change_role(ben.organisation.id, owner.id, "owner", known.user)
    before = everything()
    assert known.user.email in before
    assert NAME in before
    leaving.delete_account(known.user)
    after = everything()
    for trace in (known.user.email, NAME):
        assert trace not in after
    assert not AuditEntry.objects.filter(actor=known.user.id).exclude(address=None).exists()
    assert ben.user.email in after


def test_the_audit_still_says_what_happened(known: Person, ben: Person) -> None:
    members.change_role(
        ben.organisation.id, Membership.objects.get(user=ben.user).id, "owner", known.user
    )
    told = AuditEntry.objects.count()
    leaving.delete_account(known.user)
    assert AuditEntry.objects.count() == told
    changed = AuditEntry.objects.get(action="user.changed")
    assert changed.before == {"name": "forgotten", "email": "forgotten"}


def test_keys_that_they_made_stop(known: Person, ben: Person, client_of: ClientOf) -> None:
    members.change_role(
        ben.organisation.id, Membership.objects.get(user=ben.user).id, "owner", known.user
    )
    leaving.delete_account(known.user)
    assert client_of(known.key).get("/v1/me").status_code == 401
    assert client_of(ben.key).get("/v1/me").status_code == 200
    assert APIKey.objects.filter(created_by=None, revoked_at=None).count() == 0


def test_the_last_owner_hands_over_first(known: Person, ben: Person) -> None:
    with pytest.raises(InvalidRequest, match="Ada's bakery"):
        leaving.delete_account(known.user)
    assert User.objects.filter(pk=known.user.pk).exists()


def test_an_organisation_of_nobody_else_is_closed_and_its_book_stays(known: Person) -> None:
    kept_file(known)
    begun_batch(known)
    webhook(known)
    keeping.create(known.organisation.id, {"about": NAME}, [])
    invitations.invite(known.organisation, "dora@example.com", "analyst", known.user)
    AutoTopUp.objects.create(
        organisation=known.organisation, provider="stripe", customer="cus_1", method="pm_1",
        label="Visa 4242", problem="Your card was declined.", is_on=True, below=1, amount=1,
        most_a_month=1,
    )  # fmt: skip
    journals = Journal.objects.count()
    leaving.delete_account(known.user)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what a commit would find
    organisation = Organisation.objects.get(pk=known.organisation.pk)
    assert (organisation.name, bool(organisation.suspended_at)) == (leaving.CLOSED, True)
    assert Journal.objects.count() == journals
    assert not Conversation.objects.filter(organisation=organisation).exists()
    after = everything()
    traces = (known.user.email, NAME, "Ada's bakery", "adas-bakery", "hello.txt", "dora@")
    for trace in (*traces, "cus_1", "pm_1", "Visa"):
        assert trace not in after


def test_strangers_keep_what_is_theirs(known: Person, mallory: Person) -> None:
    keeping.create(mallory.organisation.id, {}, [])
    leaving.delete_account(known.user)
    assert Conversation.objects.filter(organisation=mallory.organisation).exists()
    assert EmailAddress.objects.filter(user=mallory.user).exists()


def test_the_audit_is_final_for_everybody_else(ada: Person) -> None:
    with pytest.raises(Exception, match="written once"), connection.cursor() as cursor:
        cursor.execute("UPDATE accounts_auditentry SET actor = 'nobody'")


def test_the_page_asks_for_the_password_and_the_address(ada: Person) -> None:
    http = Client()
    http.post("/accounts/login/", {"login": ada.user.email, "password": PASSWORD})
    asked = http.get("/account/delete")
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    http.post(asked["Location"], {"password": PASSWORD})
    assert b"is closed with all its chatbots" in http.get("/account/delete").content
    wrong = http.post("/account/delete", {"email": "else@example.com"})
    assert wrong.status_code == 422
    assert User.objects.filter(pk=ada.user.pk).exists()
    gone = http.post("/account/delete", {"email": ada.user.email})
    assert b"Your account is deleted" in gone.content
    assert not User.objects.filter(pk=ada.user.pk).exists()
    assert http.get("/account").status_code == 302


def test_the_export_holds_what_is_known_and_no_secret(known: Person) -> None:
    http = Client()
    http.force_login(known.user)
    answer = http.post("/account/export")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as packed:
        parts = {name: packed.read(name).decode() for name in packed.namelist()}
    account = json.loads(parts["account.json"])[0]
    assert (account["email"], account["name"]) == (known.user.email, NAME)
    assert json.loads(parts["memberships.json"])[0]["role"] == "owner"
    assert json.loads(parts["api_keys.json"])[0]["prefix"] == known.key[:7]
    whole = "".join(parts.values())
    for secret in (known.key, known.user.password, APIKey.objects.all()[0].digest):
        assert secret not in whole


def test_the_profile_keeps_name_theme_and_language(ada: Person) -> None:
    http = Client()
    http.force_login(ada.user)
    answer = http.post("/account", {"name": NAME, "theme": "dark", "language": "en"})
    assert answer["Location"] == "/account"
    assert (answer.cookies["theme"].value, answer.cookies["django_language"].value) == (
        "dark", "en",
    )  # fmt: skip
    ada.user.refresh_from_db()
    assert (ada.user.name, ada.user.theme, ada.user.language) == (NAME, "dark", "en")
    assert b'data-theme="dark"' in http.get("/account").content
    wrong = http.post("/account", {"name": NAME, "theme": "neon"})
    assert wrong.status_code == 422
