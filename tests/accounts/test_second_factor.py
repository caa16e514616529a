"""The second factor: switched on with a code, asked for at login, replaceable by recovery codes."""

import re
from collections.abc import Iterator

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    hotp_value,
    yield_hotp_counters_from_time,
)
from django.core.cache import cache
from django.test import Client

from accounts.models import AuditEntry, User
from tests.cast import Person

PASSWORD = "correct horse"


@pytest.fixture(autouse=True)
def no_memory() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def code(secret: str) -> str:
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


@pytest.fixture
def protected(ada: Person) -> Person:
    """Ada with a second factor, whose secret is SECRET."""
    TOTP.activate(ada.user, SECRET)
    return ada


SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def log_in(http: Client, person: Person) -> str:
    form = {"login": person.user.email, "password": PASSWORD}
    return http.post("/accounts/login/", form)["Location"]


def test_it_is_switched_on_by_a_code_after_the_password_was_asked_again(ada: Person) -> None:
    http = Client()
    log_in(http, ada)
    asked = http.get("/accounts/2fa/totp/activate/")
    assert asked["Location"].startswith("/accounts/reauthenticate/")
    http.post(asked["Location"], {"password": PASSWORD})
    page = http.get("/accounts/2fa/totp/activate/").content.decode()
    secret = re.findall(r'id="authenticator_secret"\s+value="(\w+)"', page)[0]
    assert (
        b"Incorrect code" in http.post("/accounts/2fa/totp/activate/", {"code": "000000"}).content
    )
    http.post("/accounts/2fa/totp/activate/", {"code": code(secret)})
    kinds = set(Authenticator.objects.filter(user=ada.user).values_list("type", flat=True))
    assert kinds == {"totp", "recovery_codes"}


def test_the_password_alone_opens_nothing(protected: Person) -> None:
    http = Client()
    assert log_in(http, protected) == "/accounts/2fa/authenticate/"
    assert http.get("/account").status_code == 302
    wrong = http.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert b"Incorrect code" in wrong.content
    right = http.post("/accounts/2fa/authenticate/", {"code": code(SECRET)})
    assert right["Location"] == "/dashboard/"
    assert http.get("/account").status_code == 200


def test_a_code_works_once(protected: Person) -> None:
    used = code(SECRET)
    for expected in (302, 200):
        http = Client()
        log_in(http, protected)
        assert http.post("/accounts/2fa/authenticate/", {"code": used}).status_code == expected


def test_secrets_lie_encrypted(protected: Person) -> None:
    stored = str(list(Authenticator.objects.filter(user=protected.user).values()))
    assert SECRET not in stored


def test_the_administration_does_not_open_by_the_password_alone(protected: Person) -> None:
    User.objects.filter(pk=protected.user.pk).update(is_staff=True, is_superuser=True)
    http = Client()
    form = {"username": protected.user.email, "password": PASSWORD}
    assert b"has a second factor" in http.post("/admin/login/", form).content
    assert http.get("/admin/").status_code == 302
    log_in(http, protected)
    http.post("/accounts/2fa/authenticate/", {"code": code(SECRET)})
    assert http.get("/admin/").status_code == 200


def test_an_administrator_removes_a_lost_one_and_it_is_written_down(protected: Person) -> None:
    root = User.objects.create_superuser("root@example.com", PASSWORD)
    http = Client()
    http.force_login(root)
    factor = Authenticator.objects.get(user=protected.user, type="totp")
    page = http.get(f"/admin/mfa/authenticator/{factor.pk}/change/").content.decode()
    assert str(factor.data["secret"]) not in page
    http.post(f"/admin/mfa/authenticator/{factor.pk}/delete/", {"post": "yes"})
    assert log_in(Client(), protected) == "/dashboard/"
    entry = AuditEntry.objects.get(action="second_factor.removed")
    assert (entry.actor, entry.target) == (root.id, protected.user.id)


@pytest.mark.parametrize(
    "page",
    [
        "account/emailaddress", "mfa/authenticator", "accounts/invitation",
        "accounts/webhookendpoint", "accounts/webhookdelivery",
    ],
)  # fmt: skip
def test_the_administration_finds_people_and_webhooks(protected: Person, page: str) -> None:
    http = Client()
    http.force_login(User.objects.create_superuser("root@example.com", PASSWORD))
    assert http.get(f"/admin/{page}/?q=ada").status_code == 200


NO_PASSKEYS = [
    "[" * 10_000, "[", '{"a":"\\u0000"}', "null", "[]", "1", "{}", '{"id":1}',
    '{"rawId":1,"response":[]}',
    '{"id":"YQ","rawId":"YQ","type":"public-key","response":{"clientDataJSON":"e30"}}',
    '{"id":"YQ","rawId":"YQ","type":"public-key","response":{"clientDataJSON":"e30",'
    '"authenticatorData":"YQ","signature":"YQ","userHandle":"AA"}}',
]  # fmt: skip


@pytest.mark.parametrize("said", NO_PASSKEYS, ids=range(len(NO_PASSKEYS)))
def test_what_is_no_passkey_signs_nobody_in(said: str, db: None) -> None:
    answer = Client().post("/accounts/2fa/webauthn/login/", {"credential": said}, follow=True)
    assert answer.redirect_chain == [("/accounts/login/", 302)]
    assert answer.status_code == 200


@pytest.mark.parametrize("said", NO_PASSKEYS, ids=range(len(NO_PASSKEYS)))
def test_what_is_no_passkey_is_not_added(said: str, ada: Person) -> None:
    client, path = Client(), "/accounts/2fa/webauthn/add/"
    log_in(client, ada)
    client.post(client.get(path)["Location"], {"password": PASSWORD})
    assert client.get(path).status_code == 200
    assert client.post(path, {"name": "Key", "credential": said}).status_code == 200
    assert not Authenticator.objects.exists()
