"""Folders that nothing leads to any more: of models and jobs that went with their organisation."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings

from inference.engines import registry
from inference.fine_tuning import serving
from inference.fine_tuning.models import FineTuningJob
from inference.models import ServedModel

YOUNG: Final = 3600.0  # seconds: what is being made has no row yet


def clean() -> None:
    kept = {row.engine.split(":")[1] for row in _adapted()}
    for folder in _old(serving.home()):
        if folder.name not in kept:
            shutil.rmtree(folder, ignore_errors=True)
    at_work = FineTuningJob.objects.all().for_workers() | FineTuningJob.objects.all().unfinished()
    known = set(at_work.values_list("id", flat=True))
    for folder in _old(Path(settings.DATA_DIR) / "fine_tuning"):
        if folder.name not in known:
            shutil.rmtree(folder, ignore_errors=True)


def _adapted() -> Iterator[ServedModel]:
    return ServedModel.objects.filter(engine__startswith=registry.ADAPTER).iterator()


def _old(home: Path) -> Iterator[Path]:
    if home.is_dir():
        before = time.time() - YOUNG
        yield from (folder for folder in home.iterdir() if folder.stat().st_mtime < before)
