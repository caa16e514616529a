"""Background jobs of accounts; their clock stands in the settings."""

from celery import shared_task

from accounts import metering
from accounts.webhooks import delivering


@shared_task
def send_webhooks() -> None:
    delivering.send_due()


@shared_task
def forget_refusals() -> None:
    metering.forget_old()
