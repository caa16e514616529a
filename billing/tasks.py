"""Background jobs of the ledger; their clock stands in the settings."""

from celery import shared_task

from billing import alerts, auditing, caps, sweeping, usage
from billing.payments import automatic, taking_back


@shared_task
def sweep() -> None:
    sweeping.sweep()


@shared_task
def audit() -> None:
    auditing.audit()


@shared_task
def roll_up() -> None:
    usage.roll_up()


@shared_task
def tell_low_balance() -> None:
    alerts.tell()


@shared_task
def top_up() -> None:
    automatic.work()


@shared_task
def tell_spending_cap() -> None:
    caps.tell()


@shared_task
def collect_taken_back() -> None:
    taking_back.collect()
