"""Background jobs of chatbots; their clock stands in the settings."""

from celery import shared_task

from chatbots import retention


@shared_task
def purge() -> None:
    retention.purge()


@shared_task
def keep_nothing() -> None:
    retention.keep_nothing()


@shared_task
def end_lost() -> None:
    retention.end_lost()
