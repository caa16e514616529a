"""A job's folder: the examples, copied from their files, and the specification for the trainer."""

import shutil
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from files import storage
from files.models import StoredFile
from inference.engines import registry
from inference.fine_tuning.models import FineTuningJob
from inference.fine_tuning.trainer import spec
from inference.fine_tuning.trainer.spec import Refused, Spec
from inference.models import ServedModel

AUTO: Final = "auto"


def folder_of(job: FineTuningJob) -> Path:
    return Path(settings.DATA_DIR) / "fine_tuning" / job.id


def prepare(job: FineTuningJob) -> Path:
    """What is there of an earlier attempt stays, and its state is gone on from. Raises Refused."""
    folder = folder_of(job)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _export(job, job.training_file_id, folder / spec.TRAINING, "training_file")
    if job.validation_file_id:
        _export(job, job.validation_file_id, folder / spec.VALIDATION, "validation_file")
    base = ServedModel.objects.installed().filter(pk=job.model).first()
    if base is None or not base.engine.startswith(registry.LOCAL):
        raise Refused("model_not_found", f"The model {job.model} is no longer installed.", "model")
    asked: dict[str, Any] = {
        name: None if value == AUTO else value for name, value in job.hyperparameters.items()
    }
    weights = base.engine.removeprefix(registry.LOCAL)
    Spec(weights, base.context_window, job.seed, **asked).write(folder)
    return folder


def clear(job: FineTuningJob) -> None:
    shutil.rmtree(folder_of(job), ignore_errors=True)


def _export(job: FineTuningJob, file_id: str, target: Path, param: str) -> None:
    if target.exists():
        return
    stored = StoredFile.objects.all().for_organisation(job.organisation_id)
    file = stored.filter(pk=file_id, purpose=StoredFile.Purpose.FINE_TUNE).first()
    gone = Refused("file_not_found", "The file is gone.", param)
    if file is None:
        raise gone
    making = target.with_suffix(".part")
    try:
        with storage.open_file(file.storage_name) as source, making.open("wb") as sink:
            shutil.copyfileobj(source, sink)
    except FileNotFoundError as error:
        raise gone from error
    making.rename(target)
