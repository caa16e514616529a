"""Administrators read the book, add prices, and adjust balances by a verb, never by editing."""

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, User
from billing.models import Journal, Price
from billing.pricing import NANO
from tests.billing.conftest import Tenant

pytestmark = pytest.mark.django_db
MODELS = ("account", "price", "journal", "hold", "topup", "creditcode", "usagedaily")


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root@example.com", "pass phrase"))
    return client


@pytest.mark.parametrize("model", MODELS)
def test_lists_are_shown(admin: Client, bakery: Tenant, model: str) -> None:
    assert admin.get(reverse(f"admin:billing_{model}_changelist")).status_code == 200


def test_a_journal_shows_its_entries_and_no_way_to_change_them(
    admin: Client, bakery: Tenant
) -> None:
    journal = Journal.objects.get()
    page = reverse("admin:billing_journal_change", args=[quote(journal.pk)])
    shown = admin.get(page)
    assert str(NANO) in shown.content.decode()
    assert admin.post(page, {"kind": "refund"}).status_code == 403
    assert admin.get(reverse("admin:billing_journal_add")).status_code == 403


def test_an_adjustment_is_a_journal_with_a_reason(admin: Client, bakery: Tenant) -> None:
    page = reverse("admin:billing_account_change", args=[quote(bakery.account.pk)])
    form = {"adjust_by": "-0.25", "reason": "", "low_balance": "", "ref": "once"}
    assert "Say why" in admin.post(page, form).content.decode()
    for _ in range(2):  # a double click
        assert admin.post(page, {**form, "reason": "overpaid"}).status_code == 302
    assert bakery.money() == (NANO * 3 // 4, 0)
    journal = Journal.objects.get(kind="adjustment")
    assert journal.note == "overpaid"
    assert AuditEntry.objects.filter(target=journal.id).count() == 1
    too_much = admin.post(page, {**form, "adjust_by": "-1", "reason": "x", "ref": "two"})
    assert "can be taken" in too_much.content.decode()


def test_a_price_is_added_for_a_moment_to_come(admin: Client) -> None:
    page = reverse("admin:billing_price_add")
    form = {"model": "m", "tier": "standard", "input": 5, "cached_input": 5, "output": 9}
    past = {**form, "effective_from_0": "2020-01-01", "effective_from_1": "00:00"}
    assert "past keeps its prices" in admin.post(page, past).content.decode()
    future = {**form, "effective_from_0": "2099-01-01", "effective_from_1": "00:00"}
    assert admin.post(page, future).status_code == 302
    price = Price.objects.get(model="m")
    assert AuditEntry.objects.get(target=price.id).action == "price.created"
    changed = admin.post(reverse("admin:billing_price_change", args=[quote(price.pk)]), form)
    assert changed.status_code == 403


def test_staff_without_rights_may_not_adjust(client: Client, bakery: Tenant) -> None:
    staff = User.objects.create_user("staff@example.com", "pass phrase", is_staff=True)
    client.force_login(staff)
    page = reverse("admin:billing_account_change", args=[quote(bakery.account.pk)])
    assert client.post(page, {"adjust_by": "5", "reason": "me"}).status_code == 403
    assert bakery.money() == (NANO, 0)
