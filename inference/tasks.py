"""Background jobs of inference; their clock stands in the settings."""

from celery import shared_task

from inference import expiring
from inference.responses import losing


@shared_task
def forget() -> None:
    expiring.forget()


@shared_task
def fail_lost() -> None:
    losing.fail_lost()
