"""Knowledge's background jobs, which anybody may wake; their clock stands in the settings."""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from kombu.exceptions import OperationalError

from knowledge import ingesting, stores

logger = logging.getLogger(__name__)


@shared_task
def work() -> None:
    ingesting.work()


@shared_task
def expire() -> None:
    stores.expire()


def wake() -> None:
    """Now instead of at the next beat. A broker that is away is no error."""
    try:
        work.apply_async(retry=False)
    except (OperationalError, OSError):
        logger.warning("worker_not_woken")


@worker_shutting_down.connect
def leave(**_: Any) -> None:
    """Celery's only word about its end."""
    ingesting.leave()
