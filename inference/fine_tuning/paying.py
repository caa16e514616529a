"""The money of a training: held for what is still to come, charged for what was trained, once."""

from dataclasses import dataclass
from functools import partial
from typing import Final

from accounts import authentication
from api import database, ids
from billing import ledger
from inference.fine_tuning.models import FineTuningJob
from inference.runs.insisting import until_it_went_through

TIER: Final = "training"


class Lost(Exception):
    """Another worker has the job now, or its owner has ended it."""


@dataclass(frozen=True, slots=True)
class Ending:
    """What a settled job's row says; None leaves a field as it is."""

    status: str
    trained_tokens: int | None = None
    fine_tuned_model: str = ""
    result_file_id: str = ""


class Payment:
    """The hold of one worker's work on a job, and its charge."""

    def __init__(self, job: FineTuningJob) -> None:
        self._job = job
        self._request: ledger.HoldRequest | None = None

    async def hold(self) -> None:
        """For all tokens that are not paid for yet. Raises ApiError (InsufficientBalance, …), Lost.

        The row knows the hold before it is made, so that no money stays behind a crash.
        """
        job, id_ = self._job, ids.new("gen")
        caller = await authentication.caller_of_key(job.key_id)
        caller.require("inference")
        await self._note(id_)
        request = ledger.HoldRequest(
            id=id_,
            organisation_id=job.organisation_id,
            key_id=job.key_id,
            meter_id=caller.meter_id,
            model=job.model,
            prompt_tokens=job.total_tokens - job.billed_tokens,
            max_output=0,
            tier=TIER,
            budget_nano=caller.budget_nano,
            budget_period=caller.budget_period,
            minimum_output=0,
        )
        await ledger.hold(request)
        self._request = request

    async def keep(self) -> None:
        """Alive for another minute; nothing is due before the end. Made anew if it got lost."""
        if self._request:
            due = ledger.Checkpoint(self._request.id, self._request.prompt_tokens, 0, 0)
            if not await ledger.renew([due]):
                await ledger.hold(self._request)

    async def give_back(self) -> None:
        """What was held in vain, by this worker or by one that died."""
        if self._job.hold_id:
            await ledger.void(self._job.hold_id, "not_trained")
            await self._note("")
        self._request = None

    async def settle(self, tokens: int, before: str, ending: Ending) -> None:
        """Charge the tokens trained since the last time, and write the job's end down with it.

        Raises Lost: then nothing was charged, and nothing changed.
        """
        if self._request:
            await ledger.hold(self._request)  # the same again, unless a crash has lost it
        await until_it_went_through(
            partial(self._settle, tokens, _values(self._job, tokens, before, ending)), _pass
        )

    async def _settle(self, tokens: int, values: dict[str, object]) -> None:
        usage = ledger.Usage(max(0, tokens - self._job.billed_tokens), 0, 0)
        async with database.connection() as connection, connection.transaction():
            if (await connection.execute(_SETTLE, values)).rowcount != 1:
                raise Lost
            if hold := self._job.hold_id:
                await ledger.settle(hold, usage, "stop", None, None, connection=connection)

    async def _note(self, hold_id: str) -> None:
        values = {"id": self._job.id, "holder": self._job.holder, "hold": hold_id}
        async with database.connection() as connection:
            if (await connection.execute(_NOTE, values)).rowcount != 1:
                raise Lost
        self._job.hold_id = hold_id


def _values(job: FineTuningJob, tokens: int, before: str, ending: Ending) -> dict[str, object]:
    return {
        "id": job.id,
        "holder": job.holder,
        "hold": job.hold_id,
        "before": before,
        "status": ending.status,
        "tokens": max(tokens, job.billed_tokens),
        "trained": ending.trained_tokens,
        "model": ending.fine_tuned_model,
        "file": ending.result_file_id,
    }


def _pass() -> None:
    """Nobody waits for these books."""


_NOTE: Final = """
    UPDATE fine_tuning_finetuningjob SET hold_id = %(hold)s
     WHERE id = %(id)s AND holder = %(holder)s
"""
_SETTLE: Final = """
    UPDATE fine_tuning_finetuningjob
       SET status = %(status)s, billed_tokens = %(tokens)s, hold_id = '', holder = '',
           lease_until = NULL, trained_tokens = coalesce(%(trained)s, trained_tokens),
           fine_tuned_model = %(model)s, result_file_id = %(file)s,
           finished_at = CASE WHEN %(trained)s::bigint IS NULL THEN NULL
                              ELSE coalesce(finished_at, now()) END
     WHERE id = %(id)s AND holder = %(holder)s AND hold_id = %(hold)s AND status = %(before)s
"""
