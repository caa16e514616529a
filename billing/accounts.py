"""Opening an organisation's ledger accounts, and finding the one with its balance."""

from django.db import connection

from accounts.models import Organisation
from billing.models import Account


def open_account(organisation: Organisation) -> Account:
    """The customer account of an organisation; its five accounts are made on the first call."""
    return customer_account(organisation.id)


def customer_account(organisation_id: str) -> Account:
    with connection.cursor() as cursor:
        cursor.execute("SELECT ledger_open_accounts(%s)", [organisation_id])
    return Account.objects.get(organisation_id=organisation_id, kind=Account.Kind.CUSTOMER)
