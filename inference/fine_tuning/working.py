"""The worker's part: claim jobs until none is left, one after the other."""

import asyncio
import logging
import threading

from api import database
from billing import ledger
from inference.fine_tuning import cleaning
from inference.fine_tuning.models import FineTuningJob
from inference.fine_tuning.training_run import TrainingRun, in_thread

logger = logging.getLogger(__name__)
_at_work = threading.Lock()
_leaving = threading.Event()


def work() -> None:
    """Until nothing is left that may be claimed. One call of a process works, others return."""
    if not _at_work.acquire(blocking=False):
        return
    try:
        asyncio.run(_work())
    finally:
        _at_work.release()


def leave() -> None:
    """The process is going to end: what is trained is kept, and the next worker goes on."""
    _leaving.set()


async def _work() -> None:
    try:
        await in_thread(cleaning.clean)
        while not _leaving.is_set():
            job = await in_thread(lambda: FineTuningJob.objects.all().claimable().claim())
            if job is None:
                return
            await _see_through(job)
    finally:
        await ledger.drain()
        await database.close()


async def _see_through(job: FineTuningJob) -> None:
    try:
        await TrainingRun(job, _leaving).live()
    except Exception:
        # Its lease lapses in a minute; then a worker tries again.
        logger.exception("fine_tuning_job_failed", extra={"job": job.pk})
