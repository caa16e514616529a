"""Background jobs of accounts; their clock stands in the settings."""

from celery import shared_task

from accounts.webhooks import delivering


@shared_task
def send_webhooks() -> None:
    delivering.send_due()
