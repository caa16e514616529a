"""`/metrics` in Prometheus' text: what this web process has counted, and how it is doing right now.

Off unless METRICS_KEY is set; then it is told to whoever sends that as a bearer, by any host name.
"""

import hmac
from collections.abc import Iterable
from typing import Final

from django.conf import settings
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import Receive, Scope, Send

from api import asgi, batching, database
from api.errors import DatabaseUnavailable, Unauthenticated
from config import engine_metrics
from config.edge import METRICS
from inference import runs
from inference.engines import registry

PATH: Final = METRICS
WRONG: Final = "Send METRICS_KEY in the header 'Authorization: Bearer …'."
_OPEN_HOLDS: Final = """
    SELECT count(*), coalesce(sum(amount), 0) FROM billing_hold WHERE state = 'open'
"""
_LABELS: Final = ("model", "server")
_POOL: Final = {
    "pool_size": "Connections to Postgres that this process has.",
    "pool_available": "Those of them that nobody uses.",
    "requests_waiting": "Calls that wait for a connection.",
}


def serves(scope: Scope) -> bool:
    return bool(settings.METRICS_KEY) and scope["path"] == PATH


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    del receive
    if not _is_known(scope["headers"]):
        await asgi.refuse(send, Unauthenticated(WRONG))
        return
    now = [*_of_process(), *await engine_metrics.now(), *await _of_book()]
    body = generate_latest(_Now(now)) + generate_latest(REGISTRY)
    headers = [
        (b"content-type", CONTENT_TYPE_LATEST.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _is_known(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    wanted = f"Bearer {settings.METRICS_KEY}".encode()
    given = [value for name, value in headers if name == b"authorization"]
    return len(given) == 1 and hmac.compare_digest(given[0], wanted)


class _Now(Collector):
    """What was found out for this answer; nothing of it is registered."""

    def __init__(self, found: list[Metric]) -> None:
        self.found = found

    def collect(self) -> list[Metric]:
        return self.found


def _of_process() -> Iterable[Metric]:
    yield _gauge("runs_open", "Answers of this process that are not settled yet.", runs.open_runs())
    told = database.figures()
    for name, meaning in _POOL.items():
        yield _gauge(f"database_{name.removeprefix('pool_')}", meaning, told.get(name, 0))
    queue = GaugeMetricFamily("batch_waiting", "Calls that wait for a statement.", labels=("road",))
    for road, waiting in batching.waiting().items():
        queue.add_metric([road], waiting)
    yield queue
    well = GaugeMetricFamily("remote_ready", "1 where a model's server is asked.", labels=_LABELS)
    busy = GaugeMetricFamily("remote_outstanding", "Calls of this process there.", labels=_LABELS)
    for model, engine in registry.remotes():
        for replica in engine.replicas.all:
            well.add_metric([model, replica.address], float(replica.ready))
            busy.add_metric([model, replica.address], replica.outstanding)
    yield from (well, busy)


async def _of_book() -> list[Metric]:
    """Of all processes. Without a database the rest is told all the same."""
    try:
        async with database.connection() as connection:
            row = await (await connection.execute(_OPEN_HOLDS)).fetchone()
    except DatabaseUnavailable:
        return []
    count, amount = row or (0, 0)
    return [
        _gauge("ledger_holds_open", "Calls that hold money now.", count),
        _gauge("ledger_held_nano", "Nano-dollars that they hold.", int(amount)),
    ]


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
