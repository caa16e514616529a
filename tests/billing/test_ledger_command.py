"""`manage.py ledger`: what operators ask of the book."""

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from prometheus_client import REGISTRY

from billing import auditing, tasks, topping_up
from billing.models import Account
from billing.pricing import NANO
from tests.billing.conftest import Tenant

pytestmark = pytest.mark.django_db


def told(*arguments: str) -> str:
    out = StringIO()
    call_command("ledger", *arguments, stdout=out)
    return out.getvalue()


def test_the_audit_of_a_healthy_book_finds_nothing(bakery: Tenant) -> None:
    assert "no drift" in told("audit")
    assert not any(json.loads(told("audit", "--json")).values())
    assert REGISTRY.get_sample_value("ledger_drift") == 0


def test_the_audit_names_what_does_not_agree(bakery: Tenant) -> None:
    Account.objects.filter(pk=bakery.account.pk).update(available=NANO - 5, held=2)
    found = auditing.audit()
    assert (found.balances, found.holds, found.entries, found.charges) == (3, 2, 0, 0)
    assert REGISTRY.get_sample_value("ledger_drift") == 5
    with pytest.raises(CommandError, match="contradicts itself"):
        told("audit")


def test_entries_that_do_not_sum_to_zero_are_drift(bakery: Tenant) -> None:
    with connection.cursor() as cursor:  # as if somebody had gone round every rule
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE billing_entry SET amount = amount + 7 WHERE amount < 0")
        cursor.execute("SET session_replication_role = DEFAULT")
    assert auditing.audit().entries == 7


def test_codes_are_issued_and_worth_their_amount(bakery: Tenant) -> None:
    first, second = told("codes", "2.50", "--count", "2").split()
    topping_up.redeem(bakery.organisation, first)
    topping_up.redeem(bakery.organisation, second)
    assert bakery.money() == (6 * NANO, 0)
    with pytest.raises(CommandError, match="not a decimal"):
        told("codes", "much")


def test_the_sweep_and_the_roll_up_say_what_they_did(bakery: Tenant) -> None:
    assert told("sweep") == "0 holds charged, 0 given back.\n"
    assert told("rebuild-usage").startswith("Usage is summed for every day before 20")


def test_the_clocks_tasks_run() -> None:
    for task in (tasks.sweep, tasks.audit, tasks.roll_up):
        task()
