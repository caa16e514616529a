"""The administration: who may in, what it shows of keys, and what it writes down."""

import pytest
from django.contrib.admin.utils import quote
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import APIKey, AuditEntry, Membership, Organisation, User
from tests.accounts.conftest import ClientOf
from tests.cast import Person

LOGIN = "/admin/login/"


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root@example.com", "correct horse")


@pytest.fixture
def http(root: User) -> Client:
    client = Client()
    client.force_login(root)
    return client


def page(row: Model, action: str = "change") -> str:
    return reverse(f"admin:accounts_{row._meta.model_name}_{action}", args=[quote(row.pk)])


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("created_at").values_list("action", flat=True))


def sign_in(email: str, password: str, address: str = "203.0.113.1") -> int:
    form = {"username": email, "password": password}
    return Client(REMOTE_ADDR=address).post(LOGIN, form).status_code


def test_an_administrator_signs_in_by_email_and_it_is_written_down(root: User) -> None:
    assert sign_in("Root@Example.com", "correct horse") == 302
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.actor, entry.address) == (
        "login.succeeded", "root@example.com", "203.0.113.1",
    )  # fmt: skip


def test_a_failed_login_is_written_down_without_the_password(root: User) -> None:
    assert sign_in("root@example.com", "wrong pony") == 200
    entry = AuditEntry.objects.get()
    assert entry.action == "login.failed"
    assert "wrong pony" not in str(AuditEntry.objects.values().get())


def test_an_owner_of_an_organisation_is_no_administrator(ada: Person) -> None:
    assert sign_in("ada@example.com", "correct horse") == 200


def test_guessing_at_one_account_is_slowed_down_even_from_many_addresses(root: User) -> None:
    for number in range(10):
        sign_in("root@example.com", "wrong", f"203.0.113.{number}")
    assert sign_in("root@example.com", "correct horse", "203.0.113.99") == 200
    assert "login.succeeded" not in actions()


def test_guessing_from_one_address_is_slowed_down_even_at_many_accounts(root: User) -> None:
    for number in range(20):
        sign_in(f"someone{number}@example.com", "wrong")
    assert sign_in("root@example.com", "correct horse") == 200
    assert sign_in("root@example.com", "correct horse", "203.0.113.2") == 302


@pytest.mark.parametrize("model", ["user", "organisation", "apikey", "auditentry"])
def test_every_list_and_page_opens(http: Client, ada: Person, model: str) -> None:
    listing = http.get(f"/admin/accounts/{model}/?q=a")
    assert listing.status_code == 200
    row = {"user": User, "organisation": Organisation, "apikey": APIKey, "auditentry": AuditEntry}
    first = row[model]._default_manager.first()
    assert first is not None
    shown = http.get(page(first))
    assert shown.status_code == 200
    assert ada.key not in shown.content.decode()


@pytest.mark.parametrize(
    "path", ["user/%00/change/", "apikey/%00/history/", "apikey/?kind__exact=%00"]
)
def test_nothing_is_found_under_what_no_table_holds(http: Client, path: str) -> None:
    answer = http.get(f"/admin/accounts/{path}")
    assert answer.status_code == 404
    assert answer["content-type"].startswith("text/html")


def test_keys_and_the_audit_can_only_be_read(http: Client, ada: Person) -> None:
    for model in ("apikey", "auditentry"):
        assert http.get(f"/admin/accounts/{model}/add/").status_code == 403
    key = APIKey.objects.get()
    assert http.post(page(key), {"name": "x"}).status_code == 403
    assert http.post(page(key, "delete")).status_code == 403


def test_an_administrator_revokes_a_key(
    http: Client, root: User, ada: Person, client_of: ClientOf
) -> None:
    key = APIKey.objects.get()
    choice = {"action": "revoke", "_selected_action": [key.id]}
    assert http.post("/admin/accounts/apikey/", choice).status_code == 302
    assert client_of(ada.key).get("/v1/me").status_code == 401
    entry = AuditEntry.objects.get(action="api_key.revoked")
    assert (entry.actor, entry.target, entry.organisation_id) == (
        root.id, key.id, ada.organisation.id,
    )  # fmt: skip


def test_a_suspended_organisation_is_refused_until_it_is_resumed(
    http: Client, ada: Person, client_of: ClientOf
) -> None:
    for action, status in (("suspend", 403), ("resume", 200)):
        choice = {"action": action, "_selected_action": [ada.organisation.id]}
        assert http.post("/admin/accounts/organisation/", choice).status_code == 302
        assert client_of(ada.key).get("/v1/me").status_code == status
    assert actions()[-2:] == ["organisation.suspended", "organisation.resumed"]


def test_a_changed_role_is_written_down(http: Client, ada: Person, ben: Person) -> None:
    member = Membership.objects.get(user=ben.user)
    form = {
        "name": ada.organisation.name, "slug": ada.organisation.slug,
        "memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": member.id, "memberships-0-organisation": ada.organisation.id,
        "memberships-0-user": ben.user.id, "memberships-0-role": "developer",
    }  # fmt: skip
    assert http.post(page(ada.organisation), form).status_code == 302
    member.refresh_from_db()
    assert member.role == "developer"
    entry = AuditEntry.objects.get(action="membership.changed")
    assert (entry.target, entry.before, entry.after) == (
        ben.user.id, {"role": "analyst"}, {"role": "developer"},
    )  # fmt: skip


def test_a_removed_member_is_written_down(http: Client, ada: Person, ben: Person) -> None:
    member = Membership.objects.get(user=ben.user)
    form = {
        "name": ada.organisation.name, "slug": ada.organisation.slug,
        "memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "1",
        "memberships-0-id": member.id, "memberships-0-organisation": ada.organisation.id,
        "memberships-0-user": ben.user.id, "memberships-0-role": "analyst",
        "memberships-0-DELETE": "on",
    }  # fmt: skip
    http.post(page(ada.organisation), form)
    assert not Membership.objects.filter(user=ben.user).exists()
    entry = AuditEntry.objects.get(action="membership.changed")
    assert (entry.before, entry.after) == ({"role": "analyst"}, {"role": None})


def test_users_are_made_by_email_and_changes_are_written_down(http: Client) -> None:
    form = {
        "email": "New@Example.com", "usable_password": "true",
        "password1": "a long passphrase", "password2": "a long passphrase",
    }  # fmt: skip
    assert http.post("/admin/accounts/user/add/", form).status_code == 302
    user = User.objects.get(email="new@example.com")
    assert user.check_password("a long passphrase")
    changed = {"email": user.email, "name": "New", "is_staff": "on", "is_active": "on"}
    assert http.post(page(user), changed).status_code == 302
    assert actions()[-2:] == ["user.created", "user.changed"]
    entry = AuditEntry.objects.latest("created_at")
    assert (entry.after or {})["is_staff"] is True
    assert "passphrase" not in str(list(AuditEntry.objects.values()))
