"""`smarter follow ID`: a batch, a fine-tuning or a file being read, shown live to its end."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from smarter import Smarter
from smarter.cli.credentials import client
from smarter.cli.failures import Refusal
from smarter.cli.output import screen

ENDED = {"completed", "succeeded", "failed", "cancelled", "expired"}
WELL = {"completed", "succeeded"}


@dataclass(frozen=True)
class State:
    """How far a job is; `total` None: nobody knows yet."""

    status: str
    done: int
    total: int | None
    says: str = ""


def follow(
    job_id: Annotated[str, typer.Argument(help="batch_… or ftjob-…")],
    every: Annotated[float, typer.Option(min=0.1, max=60, help="Seconds between looks.")] = 1.0,
) -> None:
    """Follows a job to its end; exit code 1 when it did not end well."""
    with client() as known:
        look = _looker(known, job_id)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[says]}", markup=False),
        )
        with Progress(*columns, TimeElapsedColumn(), transient=True) as progress:
            bar = progress.add_task(job_id, total=None, says="")
            while (state := look()).status not in ENDED:
                progress.update(bar, completed=state.done, total=state.total, says=state.says)
                time.sleep(every)
    screen.out(f"{job_id}: {state.status}. {state.says}".strip(), highlight=False)
    if state.status not in WELL:
        raise typer.Exit(1)


def _looker(known: Smarter, job_id: str) -> Callable[[], State]:
    if job_id.startswith("batch_"):
        return lambda: _batch(known, job_id)
    if job_id.startswith("ftjob"):
        return lambda: _fine_tuning(known, job_id)
    raise Refusal(f"{job_id} is no job: ids begin with batch_ or ftjob-.")


def _batch(known: Smarter, batch_id: str) -> State:
    batch = known.batches.retrieve(batch_id)
    counts = batch.request_counts
    if counts is None:
        return State(batch.status, 0, None)
    says = f"{counts.completed} answered, {counts.failed} failed of {counts.total}"
    return State(batch.status, counts.completed + counts.failed, counts.total or None, says)


def _fine_tuning(known: Smarter, job_id: str) -> State:
    job = known.fine_tuning.jobs.retrieve(job_id)
    newest = known.fine_tuning.jobs.list_events(job_id, limit=1).data
    says = job.error.message if job.error else newest[0].message if newest else job.status
    return State(job.status, 0, None, says or "")


def add_to(application: typer.Typer) -> None:
    application.command("follow")(follow)
