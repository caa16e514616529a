"""Whether the engine that answers at an address is still the one that did before.

Engines are started again, elsewhere and by others: two addresses may be swapped, or a folder hold
other weights. Nobody must pay one model's price for another one's words.
"""

import logging

from inference.engines.base import EngineInfo, EngineUnavailable

log = logging.getLogger(__name__)


class Acquaintance:
    """As long as the model's row is not changed."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._known: EngineInfo | None = None

    def meet(self, found: EngineInfo) -> None:
        """Raises EngineUnavailable if it is another model; what else changed stands in the log."""
        known = self._known = self._known or found
        if found.model != known.model:
            log.error(
                "another_model address=%s was=%s is=%s", self._address, known.model, found.model
            )
            raise EngineUnavailable(
                "Another model answers in this one's place. Its operator has to start the right "
                "one there, or to save the model's row again."
            )
        if found != known:
            log.warning("engine_changed address=%s was=%s is=%s", self._address, known, found)
            self._known = found
