"""The batches' background job, which anybody may wake; its clock stands in the settings."""

import logging
from typing import Any

from celery import shared_task
from celery.signals import worker_shutting_down
from kombu.exceptions import OperationalError

from inference.batches import working

logger = logging.getLogger(__name__)


@shared_task
def work() -> None:
    working.work()


def wake() -> None:
    """Now instead of at the next beat. A broker that is away is no error."""
    try:
        work.apply_async(retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("worker_not_woken", extra={"reason": str(error)})


@worker_shutting_down.connect
def leave(**_: Any) -> None:
    """A job that lasts for hours would keep its process; this is Celery's only word about it."""
    working.leave()
