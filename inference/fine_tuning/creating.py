"""How a fine-tuning job begins, and how its owner ends it, lets it rest, and lets it go on."""

import secrets
from typing import Final

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from accounts.authentication import Caller
from accounts.models import Organisation
from api.errors import Forbidden, InvalidRequest, ModelNotAllowed, NotFound
from billing.models import Price
from files.models import StoredFile
from inference import catalog
from inference.catalog import CatalogEntry
from inference.engines import registry
from inference.fine_tuning import prices, serving
from inference.fine_tuning.models import FineTuningJob
from inference.fine_tuning.schemas import JobCreate

MOST_UNFINISHED: Final = 10  # jobs of an organisation that are waiting, running or paused
MOST_MODELS: Final = 100  # fine-tuned models of an organisation, checkpoints not counted
LARGEST_SEED: Final = 2**31
Status = FineTuningJob.Status


def create(caller: Caller, asked: JobCreate) -> FineTuningJob:
    """Raises NotFound, InvalidRequest, Forbidden (a limit), ModelNotAllowed."""
    base = _base(caller, asked.model)
    _file(caller, asked.training_file, "training_file")
    if asked.validation_file:
        _file(caller, asked.validation_file, "validation_file")
    prices.ensure(base.id)
    if not Price.objects.filter(model=base.id, tier=Price.Tier.TRAINING).exists():
        raise InvalidRequest(f"The model `{base.id}` has no price for training.", param="model")
    seed = secrets.randbelow(LARGEST_SEED) if asked.seed is None else asked.seed
    job = FineTuningJob(
        organisation_id=caller.organisation_id,
        key_id=caller.key_id,
        model=base.id,
        suffix=asked.suffix or "",
        seed=seed,
        hyperparameters=asked.chosen.model_dump(),
        metadata=asked.metadata or {},
        training_file_id=asked.training_file,
        validation_file_id=asked.validation_file or "",
    )
    with transaction.atomic():
        organisation = Organisation.objects.select_for_update().get(pk=caller.organisation_id)
        serving.require_short_name(job, organisation)
        _require_room(caller.organisation_id)
        job.save(force_insert=True)
        job.tell(f"Created fine-tuning job: {job.id}")
        job.tell(f"Validating training file: {job.training_file_id}")
    return job


def find(organisation_id: str, job_id: str) -> FineTuningJob:
    mine: FineTuningJob | None = (
        FineTuningJob.objects.all().for_organisation(organisation_id).filter(pk=job_id).first()
    )
    if mine is None:
        raise NotFound(
            "No such fine-tuning job, or it is not yours.",
            hint="List yours with GET /v1/fine_tuning/jobs.",
        )
    return mine


def cancel(organisation_id: str, job_id: str) -> FineTuningJob:
    """At once; a worker that has it stops in seconds and charges what was trained.

    Raises NotFound, InvalidRequest (it is over). Cancelling again changes nothing.
    """
    job = find(organisation_id, job_id)
    changes = {"status": Status.CANCELLED, "finished_at": Now()}
    if _change(job, FineTuningJob.UNFINISHED, changes):
        job.tell("Fine-tuning job cancelled")
        idle = FineTuningJob.objects.filter(pk=job.pk, holder="", trained_tokens=None)
        if idle.update(trained_tokens=F("billed_tokens")):  # else its worker does it
            job.refresh_from_db()
    elif job.status != Status.CANCELLED:
        raise _impossible(job, "cancelled")
    return job


def pause(organisation_id: str, job_id: str) -> FineTuningJob:
    """Raises NotFound, InvalidRequest (it is over). Pausing again changes nothing."""
    job = find(organisation_id, job_id)
    if _change(job, FineTuningJob.WORKED_ON, {"status": Status.PAUSED}):
        job.tell("Fine-tuning job paused")
    elif job.status != Status.PAUSED:
        raise _impossible(job, "paused")
    return job


def resume(organisation_id: str, job_id: str) -> FineTuningJob:
    """Raises NotFound, InvalidRequest (it is over). A job that is not paused stays as it is."""
    job = find(organisation_id, job_id)
    if _change(job, (Status.PAUSED,), {"status": Status.QUEUED, "rests_until": None}):
        job.tell("Fine-tuning job resumed")
    elif job.status not in FineTuningJob.WORKED_ON:
        raise _impossible(job, "resumed")
    return job


def _change(job: FineTuningJob, before: tuple[str, ...], changes: dict[str, object]) -> bool:
    changed = FineTuningJob.objects.filter(pk=job.pk, status__in=before).update(**changes)
    job.refresh_from_db()
    return bool(changed)


def _impossible(job: FineTuningJob, what: str) -> InvalidRequest:
    return InvalidRequest(
        f"A job that is {job.status} cannot be {what}.", code="fine_tuning_job_over"
    )


def _base(caller: Caller, name: str) -> CatalogEntry:
    """A model whose weights lie on this machine."""
    for entry in catalog.listed(caller.organisation_id):
        if entry.requested == name:
            break
    else:
        raise catalog.not_found(name)
    if not entry.allowed_by(caller.allowed_models):
        raise ModelNotAllowed(f"This API key may not use the model `{name}`.", param="model")
    if not entry.engine.startswith(registry.LOCAL) or "chat" not in entry.capabilities:
        raise InvalidRequest(
            f"The model `{name}` cannot be fine-tuned: that takes a chat model whose weights are "
            "installed on this server, not one that is fine-tuned already.",
            param="model",
            code="model_not_trainable",
        )
    return entry


def _file(caller: Caller, file_id: str, param: str) -> None:
    files = StoredFile.objects.all().for_organisation(caller.organisation_id)
    file = files.filter(pk=file_id).first()
    if file is None:
        raise InvalidRequest(
            "No such file, or it is not yours.",
            param=param,
            code="file_not_found",
            hint="List yours with GET /v1/files.",
        )
    if file.purpose != StoredFile.Purpose.FINE_TUNE:
        raise InvalidRequest(
            f"This file's purpose is '{file.purpose}'. Upload one with the purpose 'fine-tune'.",
            param=param,
        )


def _require_room(organisation_id: str) -> None:
    mine = FineTuningJob.objects.all().for_organisation(organisation_id)
    if mine.unfinished().count() >= MOST_UNFINISHED:
        raise Forbidden(
            f"{MOST_UNFINISHED} fine-tuning jobs may wait, run or rest at once. Cancel one, or "
            "wait until one is over.",
            code="fine_tuning_limit",
        )
    if serving.models_of(organisation_id) >= MOST_MODELS:
        raise Forbidden(
            f"An organisation has at most {MOST_MODELS} fine-tuned models. Delete one first.",
            code="fine_tuning_limit",
        )
