"""What does not work right now, in words for a team: the banner, the status page and the rail."""

import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.utils.translation import gettext as _

from api import presence, sharing
from inference.engines import sockets
from inference.models import ServedModel

_BEGUN: Final = time.monotonic()
STARTING_SECONDS: Final = 30.0
"""The worker is started last; while it comes, nobody is alarmed."""
_met: Final[set[str]] = set()
_PATIENCE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Trouble:
    what: str
    effect: str
    advice: str


def of(served: Iterable[ServedModel]) -> list[Trouble]:
    away = [model for model in served if _should_answer(model) and not is_up(model)]
    found = [_of_engine(model) for model in away]
    if sharing.is_away():
        found = [_of_redis(), *found]
    return found if worker_is_there() else [_of_worker(), *found]


def models(organisation_id: str) -> list[ServedModel]:
    """All that this team may call, installed or failed."""
    visible = ServedModel.objects.visible_to(organisation_id)
    return list(visible.exclude(state=ServedModel.State.NOT_INSTALLED))


def is_up(model: ServedModel) -> bool:
    """An engine of this machine takes calls on its socket; one elsewhere is believed."""
    if model.state != ServedModel.State.INSTALLED:
        return False
    return not model.engine.startswith("local:") or _listens(model.id)


def worker_is_there() -> bool:
    """Also while it is still awaited: not seen since this process began, half a minute ago."""
    if presence.is_there(presence.WORKER):
        _met.add(presence.WORKER)
        return True
    return presence.WORKER not in _met and time.monotonic() < _BEGUN + STARTING_SECONDS


def _should_answer(model: ServedModel) -> bool:
    return model.state == ServedModel.State.INSTALLED


def _listens(model_id: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(_PATIENCE)
        try:
            caller.connect(str(sockets.path_for(model_id, settings.DATA_DIR)))
        except OSError:
            return False
    return True


def _of_worker() -> Trouble:
    return Trouble(
        _("Background work has stopped."),
        _(
            "Chats and calls are answered. Files are not read, batches wait, mails and webhooks "
            "are not sent, and new calls are missing from charts."
        ),
        _(
            "Nothing is lost, it goes on when the worker is back. If this stays, whoever runs the "
            "server finds the reason in logs/worker.log of its data folder."
        ),
    )


def _of_redis() -> Trouble:
    return Trouble(
        _("Redis does not answer."),
        _(
            "Chats and calls are answered, and what they cost is exact. Until it is back, each web "
            "process counts limits alone, and follows the answers of others more slowly."
        ),
        _("Nothing is lost. If this stays, whoever runs the server starts Redis again."),
    )


def _of_engine(model: ServedModel) -> Trouble:
    return Trouble(
        _("%(model)s does not answer.") % {"model": model.id},
        _("Calls of this model and chatbots on it are refused, and cost nothing."),
        _(
            "It may still be starting. If this stays, use another model; whoever runs the server "
            "finds the reason in the engine's log in its data folder."
        ),
    )
