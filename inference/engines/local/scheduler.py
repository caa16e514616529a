"""Who runs next: waiting submissions in fair turns between tenants, bounded in tokens and in time.

Deficit round robin (Shreedhar and Varghese, SIGCOMM 1995): each turn adds a quantum of tokens to a
tenant's credit, and its submissions start while the credit covers their cost.
"""

import heapq
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from itertools import count

from inference.engines.base import EngineOverloaded
from inference.engines.local.sequences import Submission

QUANTUM = 512


class FairQueue:
    """Used by the loop thread alone. Within a tenant: by priority, then by arrival."""

    def __init__(self) -> None:
        self._tenants: OrderedDict[str, _Tenant] = OrderedDict()
        self._arrivals = count()

    def __len__(self) -> int:
        return sum(len(tenant.waiting) for tenant in self._tenants.values())

    def __iter__(self) -> Iterator[Submission]:
        for tenant in self._tenants.values():
            yield from (submission for _, _, submission in tenant.waiting)

    def put(self, submission: Submission) -> None:
        tenant = self._tenants.setdefault(submission.tenant, _Tenant())
        entry = (-submission.priority, next(self._arrivals), submission)
        heapq.heappush(tenant.waiting, entry)

    def take(
        self, free_slots: int, fits: Callable[[Submission], bool] | None = None
    ) -> Submission | None:
        """The next to run, if its choices fit, and its prompt; one that does not fit waits at the
        front."""
        while self._tenants:
            name, tenant = next(iter(self._tenants.items()))
            submission = tenant.waiting[0][2]
            if tenant.credit < submission.cost:
                tenant.credit += QUANTUM
                self._tenants.move_to_end(name)
                continue
            if submission.sampling.n > free_slots or (fits and not fits(submission)):
                return None
            heapq.heappop(tenant.waiting)
            tenant.credit -= submission.cost
            if not tenant.waiting:
                del self._tenants[name]
            return submission
        return None

    def drop(self, gone: set[Submission]) -> None:
        for name, tenant in list(self._tenants.items()):
            tenant.waiting = [entry for entry in tenant.waiting if entry[2] not in gone]
            heapq.heapify(tenant.waiting)
            if not tenant.waiting:
                del self._tenants[name]


class _Tenant:
    __slots__ = ("credit", "waiting")

    def __init__(self) -> None:
        self.waiting: list[tuple[int, int, Submission]] = []
        self.credit = 0


class Backlog:
    """The bound on waiting work, in tokens, known to submitters and loop alike.

    Changed under the loop's lock. The wait is guessed from the speed of the last seconds.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._speed = 0.0
        self._since = time.monotonic()
        self._made = 0
        self.tokens = self.requests = 0

    def add(self, cost: int) -> None:
        """An empty queue takes anything; otherwise EngineOverloaded past the bound."""
        if self.tokens and self.tokens + cost > self._most:
            wait = min(max(self.tokens / self._speed, 1.0), 60.0) if self._speed else 5.0
            raise EngineOverloaded("This model has too much waiting work.", retry_after=wait)
        self.tokens += cost
        self.requests += 1

    def drop(self, cost: int) -> None:
        self.tokens -= cost
        self.requests -= 1

    def worked(self, tokens: int) -> None:
        """Tokens computed in a step, prompt and output."""
        self._made += tokens
        passed = time.monotonic() - self._since
        if passed > 1.0:
            speed = self._made / passed
            self._speed = speed if not self._speed else (self._speed + speed) / 2
            self._since, self._made = time.monotonic(), 0
