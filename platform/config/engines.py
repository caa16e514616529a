"""The engine processes of the site: one for every model of the catalog on this machine."""

import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from config import children, parts
from config.supervision import Part, Supervisor, Trouble
from inference.engines import registry, sockets
from inference.models import ServedModel

DEATHS = 3  # so many in a row, and a model counts as failed; who refuses it counts at once
REFUSED = 1  # the engine's exit status when it says why it cannot serve a model
_LONGEST_REASON = 500


@dataclass(slots=True)
class Engines:
    """Starts and stops them as the catalog says, and tells the catalog which of them failed."""

    supervisor: Supervisor

    def start_last(self) -> None:
        """Those of the last run, while nobody can read the catalog yet: importing torch takes
        longer than the whole rest of a start. `follow` ends the ones that nobody wants any more."""
        for model_id, folder, context_window in _kept():
            if Path(folder, "config.json").is_file():
                self.supervisor.want(_part(model_id, folder, context_window))

    def follow(self) -> set[str]:
        """The parts that the catalog wants now, by name; they run. Raises DatabaseError."""
        rows = list(ServedModel.objects.local())
        wanted = {row.id: (row.id, _folder(row), row.context_window) for row in rows}
        for engine in wanted.values():
            self.supervisor.want(_part(*engine))
        _keep(list(wanted.values()))
        for row in rows:
            self._report(row)
        return {parts.engine_name(model_id) for model_id in wanted}

    def _report(self, row: ServedModel) -> None:
        name = parts.engine_name(row.id)
        trouble = self.supervisor.trouble(name)
        if trouble and (trouble.deaths >= DEATHS or trouble.code == REFUSED):
            row.note_failure(_reason(row, trouble))
        elif self.supervisor.is_well(name):
            row.note_loaded()


def _part(model_id: str, folder: str, context_window: int) -> Part:
    return parts.engine(
        model_id, folder, context_window, sockets.path_for(model_id, settings.DATA_DIR)
    )


def _folder(row: ServedModel) -> str:
    return row.engine.removeprefix(registry.LOCAL)


def _reason(row: ServedModel, trouble: Trouble) -> str:
    """What its engine said last; a killed one could say nothing."""
    if trouble.code == REFUSED:
        said = children.last_line(parts.engine_log(sockets.path_for(row.id, settings.DATA_DIR)))
        return said[:_LONGEST_REASON] or "Its engine refused it without a word."
    return (
        f"Its engine {trouble.what}, {trouble.deaths} times in a row. "
        "If it was killed, the machine has too little memory for it."
    )


def _file() -> Path:
    return Path(settings.DATA_DIR) / "engines.json"


def _kept() -> list[tuple[str, str, int]]:
    """Nothing at the first start, or when somebody wrote into it."""
    try:
        return [
            (str(model_id), str(folder), int(context_window))
            for model_id, folder, context_window in json.loads(_file().read_text())
        ]
    except (OSError, ValueError, TypeError):
        return []


def _keep(engines: list[tuple[str, str, int]]) -> None:
    if engines != _kept():
        draft = _file().with_suffix(".draft")
        draft.write_text(json.dumps(engines))
        draft.replace(_file())
