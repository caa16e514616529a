"""Long work as a row: claimed by one worker at a time, kept by a lease, tried again after a crash.

The broker only wakes workers; what is to be done, how far it is and whose it is stands in Postgres.
A worker that is killed stops renewing, the lease lapses, and the next one goes on.
"""

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.db import OperationalError, connections, models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now


class JobQuerySet(models.QuerySet[Any]):
    def unclaimed(self) -> Self:
        """Rows that no living worker holds."""
        return self.filter(Q(lease_until=None) | Q(lease_until__lt=Now()))

    def claim(self) -> Any | None:
        """Take the oldest unclaimed row, or None. Two workers never get the same one."""
        with transaction.atomic():
            job = (
                self.unclaimed().order_by("created_at", "pk")
                .select_for_update(skip_locked=True, of=("self",)).first()
            )  # fmt: skip
            if job is None:
                return None
            job.holder = secrets.token_hex(8)
            kept = self.model._base_manager.filter(pk=job.pk)  # noqa: SLF001 - Django's documented way around filters
            kept.update(
                holder=job.holder, lease_until=Now() + job.LEASE, attempts=F("attempts") + 1
            )
            job.attempts += 1
        return job


class Job(models.Model):
    """`holder` is the claim: whoever no longer finds its own there has lost the row, and stops."""

    LEASE: ClassVar = timedelta(seconds=60)

    holder = models.CharField(max_length=16, blank=True, editable=False)
    lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    attempts = models.PositiveIntegerField(default=0, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[models.Manager[Any]] = JobQuerySet.as_manager()

    class Meta:
        abstract = True

    def renew(self, **changes: object) -> bool:
        """Keep the row for another LEASE and write `changes`; False when it is no longer ours."""
        mine = type(self)._base_manager.filter(pk=self.pk, holder=self.holder)  # noqa: SLF001 - as above
        return bool(self.holder and mine.update(lease_until=Now() + self.LEASE, **changes))

    def release(self, **changes: object) -> bool:
        """Give the row back, done or for another attempt; False when it is no longer ours."""
        mine = type(self)._base_manager.filter(pk=self.pk, holder=self.holder)  # noqa: SLF001 - as above
        return bool(self.holder and mine.update(lease_until=None, holder="", **changes))

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Renew the lease all the while, whatever this thread is busy with."""
        done = threading.Event()
        thread = threading.Thread(target=self._renew_until, args=(done,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    def _renew_until(self, done: threading.Event) -> None:
        while not done.wait(self.LEASE.total_seconds() / 4):
            try:
                self.renew()
            except OperationalError:
                continue  # the database is away; so is everybody else who might claim
            finally:
                connections.close_all()
