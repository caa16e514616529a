"""The trainings' background job, in a queue and a worker of its own; anybody may wake it."""

import logging
from typing import Any, Final

from celery import shared_task
from celery.signals import worker_shutting_down
from kombu.exceptions import OperationalError

from inference.fine_tuning import working

QUEUE: Final = "training"
logger = logging.getLogger(__name__)


@shared_task
def work() -> None:
    working.work()


def wake() -> None:
    """Now instead of at the next beat. A broker that is away is no error."""
    try:
        work.apply_async(queue=QUEUE, retry=False)
    except (OperationalError, OSError) as error:
        logger.warning("worker_not_woken", extra={"reason": str(error)})


@worker_shutting_down.connect
def leave(**_: Any) -> None:
    """A training may last for hours; this is Celery's only word about the process's end."""
    working.leave()
