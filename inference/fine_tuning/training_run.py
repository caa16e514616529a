"""One job while a worker has it: its trainer is followed, paid for, and stopped when it must be."""

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from django.db import OperationalError, connections

from api.errors import ApiError, DatabaseUnavailable
from inference.fine_tuning import finishing, preparing, serving, telling
from inference.fine_tuning.models import FineTuningJob, in_seconds
from inference.fine_tuning.paying import Ending, Lost, Payment
from inference.fine_tuning.trainer.spec import Refused
from inference.fine_tuning.training_process import Told, TrainerProcess
from inference.runs.failures import DATABASE_AWAY

POLL_SECONDS: Final = 0.25
RENEW_SECONDS: Final = 5.0
MOST_BREAKDOWNS: Final = 3
REST_SECONDS: Final = 5.0
Status = FineTuningJob.Status
Result = TypeVar("Result")
logger = logging.getLogger(__name__)


class Broken(Exception):
    """The trainer ended without a word."""


class TrainingRun:
    """`leaving` is set when the process is going to end: the job goes on elsewhere, or later."""

    def __init__(self, job: FineTuningJob, leaving: threading.Event) -> None:
        self._job = job
        self._leaving = leaving
        self._payment = Payment(job)
        self._folder = Path()
        self._started: Told = {"tokens": 0, "at": time.time()}
        self._tokens = job.billed_tokens
        self._renewed = time.monotonic()

    async def live(self) -> None:
        """Until the job is over, stopped, or somebody else's."""
        try:
            await self._payment.give_back()
            if self._job.status in FineTuningJob.WORKED_ON:
                await self._train()
            else:  # ended while a worker had it that has died
                await self._settle_as_it_stands()
        except (Lost, DatabaseUnavailable):
            return  # somebody else goes on, or a worker once the lease has lapsed
        except Refused as refused:
            await self._fail(refused)
        except ApiError as error:
            await self._fail(Refused(error.error_code or error.type, error.message, error.param))
        except Broken:
            await self._break_down()

    async def _train(self) -> None:
        self._folder = await in_thread(lambda: preparing.prepare(self._job))
        trainer = await in_thread(lambda: TrainerProcess(self._folder))
        try:
            await self._follow(trainer)
        finally:
            await in_thread(trainer.kill)
            trainer.close()

    async def _follow(self, trainer: TrainerProcess) -> None:
        while not await self._hear_all(trainer):
            if self._leaving.is_set():
                await self._leave(trainer)
                break
            if await self._is_stopped():
                await self._stop(trainer)
                break
            await asyncio.sleep(POLL_SECONDS)

    async def _hear_all(self, trainer: TrainerProcess) -> bool:
        """What it told since the last time: is it done? Raises Broken."""
        has_ended = trainer.has_ended  # asked first: then all that it told is there
        for told in trainer.told():
            if await self._hear(told, trainer):
                return True
        if has_ended:
            raise Broken
        return False

    async def _hear(self, told: Told, trainer: TrainerProcess) -> bool:
        """Is it done?"""
        job, kind = self._job, told["kind"]
        self._tokens = told.get("tokens", self._tokens)
        if kind == "refused":
            raise Refused(told["code"], told["message"], told["param"])
        if kind == "counted":
            await self._begin(told, trainer)
        elif kind == "started":
            self._started = told
            if told["step"]:
                await self._tell(f"Training goes on from step {told['step']}")
        elif kind == "step":
            await in_thread(lambda: telling.step(job, told))
        elif kind == "checkpoint":
            await in_thread(lambda: telling.checkpoint(job, told))
        elif kind == "done":
            await self._finish()
        return bool(kind == "done")

    async def _begin(self, told: Told, trainer: TrainerProcess) -> None:
        """Counted: queued until its money is held, then running."""
        facts = telling.counted(told)
        if self._job.status == Status.VALIDATING:
            await self._advance(Status.VALIDATING, Status.QUEUED, **facts)
            await self._tell("Files validated, moving job to queued state")
        await self._payment.hold()
        if self._job.status == Status.QUEUED:
            await self._advance(Status.QUEUED, Status.RUNNING)
            await self._tell("Fine-tuning job started")
        trainer.go()

    async def _is_stopped(self) -> bool:
        """Has its owner ended it, or let it rest? Keeps lease and hold alive. Raises Lost."""
        if time.monotonic() - self._renewed > RENEW_SECONDS:
            self._renewed = time.monotonic()
            end = telling.expected_end(self._job, self._started, self._tokens)
            if not await in_thread(lambda: self._job.renew(estimated_finish=end)):
                raise Lost
            with suppress(*DATABASE_AWAY):
                await self._payment.keep()
        return await self._status() != self._job.status

    async def _stop(self, trainer: TrainerProcess) -> None:
        """What was trained is kept for when the job goes on."""
        for told in await in_thread(trainer.stop):
            self._tokens = told.get("tokens", self._tokens)
        await self._settle_as_it_stands()

    async def _settle_as_it_stands(self) -> None:
        """Charge what was trained, whatever the owner has decided. Raises Lost."""
        while True:
            status = await self._status()
            trained = self._tokens if status == Status.CANCELLED else None
            try:
                await self._payment.settle(self._tokens, status, Ending(status, trained))
                break
            except Lost:  # decided otherwise in this moment, or no longer ours
                continue
        if status == Status.CANCELLED:
            await in_thread(lambda: preparing.clear(self._job))

    async def _status(self) -> str:
        mine = FineTuningJob.objects.filter(pk=self._job.pk, holder=self._job.holder)
        status: str | None = await in_thread(lambda: mine.values_list("status", flat=True).first())
        if status is None:
            raise Lost
        return status

    async def _leave(self, trainer: TrainerProcess) -> None:
        """The state is kept, and paid for by whoever goes on from it."""
        await in_thread(trainer.stop)
        await self._payment.give_back()
        await in_thread(self._job.release)

    async def _finish(self) -> None:
        job, folder = self._job, self._folder
        model = await in_thread(lambda: finishing.publish(job, folder))
        results = await in_thread(lambda: finishing.write_results(job))
        ending = Ending(Status.SUCCEEDED, self._tokens, model, results)
        try:
            await self._payment.settle(self._tokens, Status.RUNNING, ending)
        except Lost:  # its owner has ended it, or let it rest, in its last second
            await in_thread(lambda: serving.withdraw(job))
            await self._settle_as_it_stands()
            return
        await self._tell(f"New fine-tuned model created: {model}")
        await self._tell("The job has successfully completed")
        await in_thread(lambda: preparing.clear(job))

    async def _fail(self, refused: Refused) -> None:
        """Nothing is charged for what was trained since the last rest."""
        job = self._job
        await self._payment.give_back()
        error = {"code": refused.code, "message": refused.message, "param": refused.param}
        changes = {"status": Status.FAILED, "error": error, "finished_at": in_seconds(0)}
        changes["trained_tokens"] = job.billed_tokens
        if await in_thread(lambda: job.release(**changes)):
            await self._tell(f"The job failed: {refused.message}", level="error")
            await in_thread(lambda: preparing.clear(job))

    async def _break_down(self) -> None:
        job = self._job
        if job.breakdowns >= MOST_BREAKDOWNS:
            message = "The training broke down again and again. The server's log says why."
            await self._fail(Refused("training_failed", message))
            return
        logger.warning("trainer_broke_down", extra={"job": job.pk, "log": str(self._folder)})
        await self._payment.give_back()
        rest = {"breakdowns": job.breakdowns + 1, "rests_until": in_seconds(REST_SECONDS)}
        if await in_thread(lambda: job.release(**rest)):
            await self._tell("The training was interrupted and will go on", level="warn")

    async def _advance(self, before: str, after: str, **changes: object) -> None:
        if not await in_thread(lambda: self._job.advance(before, after, **changes)):
            raise Lost

    async def _tell(self, message: str, level: str = "info") -> None:
        await in_thread(lambda: self._job.tell(message, level))


async def in_thread(ask: Callable[[], Result]) -> Result:
    """Django's own road, however long the database is away; the thread's connection is closed."""

    def asked() -> Result:
        try:
            return ask()
        finally:
            connections.close_all()

    while True:
        try:
            return await asyncio.to_thread(asked)
        except OperationalError:
            await asyncio.sleep(POLL_SECONDS)
