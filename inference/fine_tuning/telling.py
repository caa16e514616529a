"""What a trainer tells, as events, checkpoints and figures; telling twice does no harm."""

import time
from datetime import UTC, datetime
from typing import Final

from inference.fine_tuning.models import Checkpoint, Event, FineTuningJob
from inference.fine_tuning.training_process import Told

FIGURES: Final = ("n_epochs", "batch_size", "learning_rate_multiplier")


def counted(told: Told) -> dict[str, object]:
    """What is known of the job once its examples are counted."""
    return {
        "total_tokens": told["total_tokens"],
        "steps": told["steps"],
        "hyperparameters": {name: told[name] for name in FIGURES},
    }


def step(job: FineTuningJob, told: Told) -> None:
    number, metrics = told["step"], told["metrics"]
    loss = "train_loss" if "train_loss" in metrics else "valid_loss"
    kind = {"train_loss": "training", "valid_loss": "validation"}[loss]
    Event.objects.bulk_create(
        [
            Event(
                job=job,
                created_at=_moment(told),
                message=f"Step {number}/{job.steps}: {kind} loss={metrics[loss]:.4f}",
                type="metrics",
                data={"step": number, "total_steps": job.steps, **metrics},
                step=number,
            )
        ],
        ignore_conflicts=True,
    )


def checkpoint(job: FineTuningJob, told: Told) -> None:
    number, metrics = told["step"], told["metrics"]
    Checkpoint.objects.update_or_create(
        job=job, step_number=number, defaults={"metrics": metrics, "created_at": _moment(told)}
    )


def expected_end(job: FineTuningJob, started: Told, tokens: int) -> datetime | None:
    """When it will be done, if the rest takes as long as what it did since it started."""
    done, now = tokens - started["tokens"], time.time()
    if done <= 0:
        return None
    each = (now - started["at"]) / done
    return datetime.fromtimestamp(now + each * (job.total_tokens - tokens), UTC)


def _moment(told: Told) -> datetime:
    return datetime.fromtimestamp(told["at"], UTC)
