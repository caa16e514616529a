"""Hold + settle pairs a second, and what a pair costs: `python -m bench.ledger [--seconds 5]`.

All money of a row in one account is the worst case, and the normal one of a benchmark. Runs on a
database of its own that commits to the disk, or on the one of DATABASE_URL.
"""

import argparse
import asyncio
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from accounts.models import APIKey, Organisation  # noqa: E402 - Django must be set up first
from accounts.registration import create_organisation  # noqa: E402 - as above
from api import database, ids  # noqa: E402 - as above
from bench.http_site import cpu_seconds  # noqa: E402 - as above
from billing import auditing, ledger, topping_up  # noqa: E402 - as above
from billing.models import Price, TopUp  # noqa: E402 - as above
from billing.pricing import NANO  # noqa: E402 - as above
from config import children, postgres  # noqa: E402 - as above

MODEL = "bench"
USAGE = ledger.Usage(prompt_tokens=100, cached_tokens=0, completion_tokens=64)


def tenants(count: int) -> list[tuple[Organisation, APIKey]]:
    """Funded organisations, each with its key."""
    if not Price.objects.filter(model=MODEL).exists():
        Price.objects.create(model=MODEL, input=50_000, cached_input=50_000, output=100_000)
    made = []
    for number in range(count):
        organisation = create_organisation(f"Bench {number} {ids.new('run')}").organisation
        topping_up.top_up(organisation, 1_000 * NANO, "bench", TopUp.Provider.MANUAL)
        made.append((organisation, APIKey.objects.get(organisation=organisation)))
    return made


async def caller(
    organisation: Organisation, key: APIKey, budget: int | None, until: float
) -> list[tuple[float, float]]:
    """Pairs one after the other; the seconds that each hold and each settle took."""
    took = []
    while (start := time.monotonic()) < until:
        request = ledger.HoldRequest(
            ids.new("gen"), organisation.id, key.id, MODEL, 100, 256, budget_nano=budget,
            budget_period="day" if budget else None,
        )  # fmt: skip
        hold = await ledger.hold(request)
        held = time.monotonic()
        await ledger.settle(hold.id, USAGE, "stop", 5, 20)
        took.append((held - start, time.monotonic() - held))
    return took


async def measure(
    who: Sequence[tuple[Organisation, APIKey]],
    concurrent: int,
    seconds: float,
    budget: int | None,
    server: int | None = None,
) -> str:
    await ledger.drain()
    cpu, start, books = time.process_time(), time.monotonic(), _cpu(server)
    callers = (caller(*who[i % len(who)], budget, start + seconds) for i in range(concurrent))
    took = [pair for pairs in await asyncio.gather(*callers) for pair in pairs]
    wall, cpu, books = time.monotonic() - start, time.process_time() - cpu, _cpu(server) - books
    holds, settles = (sorted(column) for column in zip(*took, strict=True))
    middle, late = len(took) // 2, len(took) * 99 // 100
    return (
        f"{len(took) / wall:7.0f} pairs/s  {1e6 * cpu / len(took):5.0f} µs CPU a pair here,"
        f" {1e6 * books / len(took):5.0f} in Postgres  "
        f"hold p50 {1e3 * holds[middle]:5.1f} p99 {1e3 * holds[late]:5.1f} ms  "
        f"settle p50 {1e3 * settles[middle]:5.1f} p99 {1e3 * settles[late]:5.1f} ms"
    )


def _cpu(process: int | None) -> float:
    return 0.0 if process is None else cpu_seconds(process)


async def run(seconds: float, server: int | None, one: Sequence[tuple[Organisation, APIKey]],
              many: Sequence[tuple[Organisation, APIKey]]) -> None:  # fmt: skip
    for concurrent in (1, 16, 64, 256):
        told = await measure(one, concurrent, seconds, None, server)
        print(f"1 account    {concurrent:4d} concurrent            {told}")
    told = await measure(one, 64, seconds, 1_000 * NANO, server)
    print(f"1 account      64 concurrent, budget    {told}")
    told = await measure(many, 64, seconds, None, server)
    print(f"{len(many)} accounts  64 concurrent            {told}")
    await database.close()


@contextmanager
def own_database() -> Iterator[int]:
    """An embedded Postgres for as long as the benchmark runs; its first process."""
    with tempfile.TemporaryDirectory(prefix="smarter-bench-ledger-") as folder:
        home, sockets = postgres.home(Path(folder)), postgres.socket_folder(Path(folder))
        server = postgres.start(home, sockets)
        try:
            postgres.ensure_database(sockets)
            settings.DATABASES["default"].update(HOST=str(sockets), USER=postgres.USER)
            yield server.pid
        finally:
            server.send_signal(signal.SIGINT)
            children.end(server, 10)
            shutil.rmtree(home)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    seconds = parser.parse_args().seconds
    with nullcontext() if "DATABASE_URL" in os.environ else own_database() as server:
        call_command("migrate", verbosity=0)
        asyncio.run(run(seconds, server, tenants(1), tenants(64)))
        print(f"drift after all that: {auditing.audit().total} n$")


if __name__ == "__main__":
    main()
