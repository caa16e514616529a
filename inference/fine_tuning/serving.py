"""Fine-tuned models in the catalog: their names, their rows beside the base's, and their end."""

import shutil
from pathlib import Path
from typing import Final

from django.conf import settings
from django.db import transaction

from accounts.models import Organisation
from api.errors import InvalidRequest
from inference import prices
from inference.engines import registry
from inference.fine_tuning.models import FineTuningJob
from inference.models import NAME_LENGTH, ServedModel

ACTOR: Final = "fine-tuning"
CHECKPOINT: Final = ":ckpt-step-"
LONGEST_STEP: Final = 10  # digits
WITHOUT: Final = {"embeddings", "moderations"}  # what an adapter changes nothing of


def home() -> Path:
    """Where every engine of this machine finds adapters, each in a folder of its name."""
    return Path(settings.DATA_DIR) / "adapters"


def name_of(job: FineTuningJob, organisation: Organisation, step: int | None = None) -> str:
    """As OpenAI's: `ft:<base>:<organisation>:<suffix>:<id>`, for a checkpoint its step behind."""
    name = f"ft:{job.model}:{organisation.slug}:{job.suffix}:{job.short_id}"
    return name if step is None else f"{name}{CHECKPOINT}{step}"


def require_short_name(job: FineTuningJob, organisation: Organisation) -> None:
    if len(name_of(job, organisation)) + len(CHECKPOINT) + LONGEST_STEP > NAME_LENGTH:
        raise InvalidRequest("The model's name would be too long.", param="suffix")


def models_of(organisation_id: str) -> int:
    mine = ServedModel.objects.filter(organisation_id=organisation_id, id__startswith="ft:")
    return mine.exclude(id__contains=CHECKPOINT).count()


def publish(job: FineTuningJob, made: Path, step: int | None = None) -> str:
    """Copy an adapter to where engines find it, and put it into the catalog; its model's id.

    A second call finds its work done.
    """
    adapter = job.id if step is None else f"{job.id}.{step}"
    target = home() / adapter
    if not target.exists():
        home().mkdir(mode=0o700, exist_ok=True)
        making = home() / f"{adapter}.part"
        shutil.rmtree(making, ignore_errors=True)
        shutil.copytree(made, making)
        making.rename(target)
    base = ServedModel.objects.get(pk=job.model)
    model_id = name_of(job, job.organisation, step)
    with transaction.atomic():
        ServedModel.objects.update_or_create(
            id=model_id,
            defaults={
                "engine": f"{registry.ADAPTER}{adapter}:{base.id}",
                "context_window": base.context_window,
                "default_max_output": base.default_max_output,
                "capabilities": [each for each in base.capabilities if each not in WITHOUT],
                "provider": base.provider,
                "owned_by": job.organisation.slug,
                "parameters": base.parameters,
                "state": ServedModel.State.INSTALLED,
                "organisation_id": job.organisation_id,
            },
        )
        if price := prices.in_force([base.id]).get(base.id):
            prices.set_price(model_id, price, ACTOR)
    return model_id


def withdraw(job: FineTuningJob) -> None:
    """What was published of a job that was cancelled meanwhile."""
    name = name_of(job, job.organisation)
    for row in ServedModel.objects.filter(organisation=job.organisation_id, id__startswith=name):
        delete(row)


def delete(row: ServedModel) -> None:
    """Calls that run go on; the engine forgets the adapter in time."""
    adapter = row.engine.removeprefix(registry.ADAPTER).partition(":")[0]
    row.delete()
    shutil.rmtree(home() / adapter, ignore_errors=True)


def find(model_id: str, organisation_id: str) -> ServedModel | None:
    """A fine-tuned model of this organisation."""
    return ServedModel.objects.filter(
        pk=model_id, organisation_id=organisation_id, engine__startswith=registry.ADAPTER
    ).first()
