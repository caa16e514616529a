"""Who works behind the scenes: each keeps a connection to Postgres that says so every other second.

No table and no trace: a process that dies takes its connection along, one that hangs says nothing
any more. Any process on the same database can ask.
"""

import logging
import threading
from typing import Final

from django.db import DatabaseError, connection

EVERY_SECONDS: Final = 2.0
LATE_SECONDS: Final = 6.0
WORKER: Final = "smarter worker"
_SAY: Final = "SELECT set_config('application_name', %s, false)"
_ASK: Final = """
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND application_name = %s
          AND state_change > clock_timestamp() - make_interval(secs => %s)
    )
"""
_logger: Final = logging.getLogger(__name__)


class Saying(threading.Thread):
    """Says `name` until `stop()`, over a connection of its own."""

    def __init__(self, name: str) -> None:
        super().__init__(name=f"presence of {name}", daemon=True)
        self._said = name
        self._stopping = threading.Event()

    def run(self) -> None:
        while not self._stopping.wait(0.0 if connection.connection is None else EVERY_SECONDS):
            try:
                with connection.cursor() as cursor:
                    cursor.execute(_SAY, [self._said])
            except DatabaseError as error:
                _logger.warning("presence.unsaid", extra={"error": type(error).__name__})
                connection.close()
                self._stopping.wait(EVERY_SECONDS)
        connection.close()

    def stop(self) -> None:
        self._stopping.set()
        self.join()


def is_there(name: str) -> bool:
    """Has anybody of this name been heard within the last six seconds?"""
    with connection.cursor() as cursor:
        cursor.execute(_ASK, [name, LATE_SECONDS])
        found: tuple[bool] = cursor.fetchone()
    return found[0]
