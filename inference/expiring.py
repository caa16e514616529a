"""Kept answers whose time is over are forgotten, a few hundred at a time."""

from typing import Final

from inference.models import Response, StoredCompletion

BATCH: Final = 500
MOST_BATCHES: Final = 20
"""Of each table and call, so that no job takes long; what is left waits for the next one."""


def forget() -> int:
    """Delete expired rows, the oldest first; how many."""
    return _forget(Response) + _forget(StoredCompletion)


def _forget(table: type[Response] | type[StoredCompletion]) -> int:
    gone = 0
    for _ in range(MOST_BATCHES):
        over = table.objects.expired().order_by("expires_at")[:BATCH]
        if not (ids := list(over.values_list("pk", flat=True))):
            break
        gone += table.objects.filter(pk__in=ids).delete()[0]
    return gone
