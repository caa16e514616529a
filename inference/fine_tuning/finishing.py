"""What a training leaves: its figures as a file, its checkpoints and its model in the catalog."""

import csv
import io
from pathlib import Path
from typing import Final

from api.errors import StorageFull, StorageQuotaExceeded
from files import receiving
from files.models import StoredFile
from files.receiving import Incoming
from inference.fine_tuning import serving
from inference.fine_tuning.models import Checkpoint, FineTuningJob
from inference.fine_tuning.trainer.spec import ADAPTER, CHECKPOINTS

RESULTS: Final = StoredFile.Purpose.FINE_TUNE_RESULTS
COLUMNS: Final = {
    "train_loss": "train_loss",
    "train_accuracy": "train_mean_token_accuracy",
    "valid_loss": "valid_loss",
    "valid_mean_token_accuracy": "valid_mean_token_accuracy",
}


def publish(job: FineTuningJob, folder: Path) -> str:
    """The job's model, and those of its checkpoints, can be called; the model's id."""
    model = serving.publish(job, folder / ADAPTER)
    for checkpoint in job.checkpoints.all():
        made = folder / CHECKPOINTS / str(checkpoint.step_number)
        name = serving.publish(job, made, checkpoint.step_number) if made.exists() else model
        Checkpoint.objects.filter(pk=checkpoint.pk).update(model=name)
    return model


def write_results(job: FineTuningJob) -> str:
    """The losses as CSV; the file's id, "" where there is no room for it: the model counts more.

    One that an earlier attempt has left goes first.
    """
    name = f"{job.id}_step_metrics.csv"
    mine = StoredFile.objects.filter(organisation_id=job.organisation_id, purpose=RESULTS)
    for left in mine.filter(filename=name):
        receiving.forget(left)
    raw = _csv(job).encode()
    incoming = Incoming(io.BytesIO(raw), name, len(raw), RESULTS)
    try:
        return receiving.receive(job.organisation_id, incoming).id
    except (StorageQuotaExceeded, StorageFull) as full:
        job.tell(f"The results file could not be kept: {full.message}", level="warn")
        return ""


def _csv(job: FineTuningJob) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["step", *COLUMNS])
    for event in job.events.filter(step__gte=1).order_by("step"):
        writer.writerow([event.step, *(event.data.get(name, "") for name in COLUMNS.values())])
    return text.getvalue()
