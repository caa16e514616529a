"""What the database itself refuses, whoever asks."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.utils import timezone

from billing.models import Account, BudgetWindow, Entry, Hold, Journal, Price, TopUp
from tests.billing.conftest import MODEL, Tenant

pytestmark = pytest.mark.django_db


@contextmanager
def refused(by: str) -> Iterator[None]:
    """The block breaks a rule of the database that is called `by`."""
    with pytest.raises(DatabaseError, match=by), transaction.atomic():  # noqa: PT012 - its caller's block
        yield
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def hold_of(tenant: Tenant, **changes: Any) -> Hold:
    now = timezone.now()
    fields = {
        "id": "gen_1",
        "organisation": tenant.organisation,
        "account": tenant.account,
        "key": tenant.key,
        "model": MODEL,
        "price": Price.objects.get(model=MODEL),
        "amount": 5,
        "max_output": 1,
        "choices": 1,
        "prompt_tokens": 1,
        "lease_until": now,
        "created_at": now,
        **changes,
    }
    return Hold(**fields)


def journal_of(tenant: Tenant, **changes: Any) -> Journal:
    fields = {"organisation": tenant.organisation, "kind": "top_up", "ref": "r", **changes}
    return Journal.objects.create(**fields)


def entry_of(tenant: Tenant, journal: Journal, amount: int, **changes: Any) -> Entry:
    fields = {"account": tenant.account, "organisation": tenant.organisation, **changes}
    return Entry.objects.create(journal=journal, amount=amount, **fields)


@pytest.mark.parametrize("model", [Entry, Journal, Price])
def test_rows_of_the_book_are_never_changed_or_deleted(bakery: Tenant, model: Any) -> None:
    table = model._meta.db_table
    with refused("never changed or deleted"), connection.cursor() as cursor:
        cursor.execute(f"UPDATE {table} SET id = id")  # noqa: S608 - the table's own name
    with refused("never changed or deleted"), connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - as above


def test_a_hold_is_never_deleted(bakery: Tenant) -> None:
    hold_of(bakery).save()
    with refused("never changed or deleted"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM billing_hold")


def test_a_journal_that_does_not_sum_to_zero_is_refused(bakery: Tenant) -> None:
    with refused("out of balance by 7"):
        entry_of(bakery, journal_of(bakery), 7)


def test_a_movement_of_the_same_kind_and_ref_is_refused(bakery: Tenant) -> None:
    journal_of(bakery)
    with refused("each_movement_once"):
        journal_of(bakery)


def test_a_balance_below_zero_is_refused(bakery: Tenant) -> None:
    with refused("never_below_zero"):
        Account.objects.filter(pk=bakery.account.pk).update(available=-1)
    with refused("held_is_not_negative"):
        Account.objects.filter(pk=bakery.account.pk).update(held=-1)


def test_an_overdraft_moves_the_floor(bakery: Tenant) -> None:
    Account.objects.filter(pk=bakery.account.pk).update(overdraft=10, available=-10)
    with refused("never_below_zero"):
        Account.objects.filter(pk=bakery.account.pk).update(available=-11)


def test_a_charge_beyond_its_hold_is_refused(bakery: Tenant) -> None:
    with refused("charge_within_hold"):
        hold_of(bakery, charged=6, state="settled", closed_at=timezone.now()).save()


def test_an_open_hold_with_a_charge_is_refused(bakery: Tenant) -> None:
    with refused("hold_state_is_whole"):
        hold_of(bakery, charged=1).save()


def test_a_refund_without_its_original_is_refused(bakery: Tenant) -> None:
    with refused("corrections_name_their_original"):
        journal_of(bakery, kind="refund")


def test_a_price_above_its_bounds_is_refused() -> None:
    for rate in ((10**9 + 1, 0, 0), (0, 0, -1), (5, 6, 0)):
        with refused("price_is_sane"):
            Price.objects.create(
                model="m", **dict(zip(("input", "cached_input", "output"), rate, strict=True))
            )


def test_a_hold_on_a_strangers_account_key_or_window_is_refused(
    bakery: Tenant, mill: Tenant
) -> None:
    with refused("hold_account"):
        hold_of(bakery, account=mill.account).save()
    with refused("hold_key"):
        hold_of(bakery, key=mill.key).save()
    window = BudgetWindow.objects.create(
        organisation=mill.organisation, key=mill.key, period="day", starts_at=timezone.now()
    )
    with refused("hold_window"):
        hold_of(bakery, window=window).save()


def test_a_budget_window_of_a_strangers_key_is_refused(bakery: Tenant, mill: Tenant) -> None:
    with refused("window_key"):
        BudgetWindow.objects.create(
            organisation=mill.organisation, key=bakery.key, period="day", starts_at=timezone.now()
        )


def test_a_journal_of_a_strangers_hold_or_original_is_refused(bakery: Tenant, mill: Tenant) -> None:
    hold = hold_of(bakery)
    hold.save()
    with refused("journal_hold"):
        journal_of(mill, hold=hold)
    with refused("journal_original"):
        journal_of(mill, kind="refund", original=journal_of(bakery))


def test_an_entry_across_two_organisations_is_refused(bakery: Tenant, mill: Tenant) -> None:
    journal = journal_of(bakery)
    with refused("entry_account"):
        entry_of(bakery, journal, 5, account=mill.account)
    with refused("entry_journal"):
        entry_of(mill, journal, 5)


def test_a_top_up_by_a_strangers_journal_is_refused(bakery: Tenant, mill: Tenant) -> None:
    with refused("top_up_journal"):
        TopUp.objects.create(
            organisation=mill.organisation,
            journal=journal_of(bakery),
            provider="fake",
            ref="r",
            amount=1,
        )


def test_accounts_beside_the_customers_carry_no_amounts(bakery: Tenant) -> None:
    with refused("only_customers_carry_amounts"):
        Account.objects.filter(kind="revenue").update(available=1)


def test_each_organisation_has_one_account_of_a_kind(bakery: Tenant) -> None:
    with pytest.raises(IntegrityError, match="one_account_each_kind"), transaction.atomic():
        Account.objects.create(organisation=bakery.organisation, kind="customer")
