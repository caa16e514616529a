"""Pages of the dashboard over a long past: milliseconds of the server, questions to the database.

The third figure is processor time, of this process and of its database's: on a machine that others
use, it tells more than the clock.

`python -m bench.dashboard [--conversations 100000] [--calls 1000000] [page …]`. Each page is asked
for through all of Django (middleware, view, template), in this process, on a database of its own or
on the one of DATABASE_URL.
"""

import argparse
import gc
import importlib
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path

import django
from asgiref.sync import async_to_sync, sync_to_async

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402 - Django must be set up first
from django.core.management import call_command  # noqa: E402 - as above
from django.db import connection  # noqa: E402 - as above
from django.test import AsyncClient  # noqa: E402 - as above
from django.utils import timezone  # noqa: E402 - as above

from api import database  # noqa: E402 - as above
from bench import dashboard_past  # noqa: E402 - as above
from bench.ledger import own_database  # noqa: E402 - as above
from billing.models import Hold  # noqa: E402 - as above
from chatbots.models import Chatbot, Conversation  # noqa: E402 - as above

ONE = "chatbots/support/"
PAGES = (
    "overview?days=7", "overview?days=30", "overview?days=90",
    "chatbots", "chatbots?q=desk&state=live", ONE, f"{ONE}embed", f"{ONE}usage", f"{ONE}versions",
    f"{ONE}settings", "conversations", "conversations/{chat}", "conversations?after={chat}",
    "conversations?sort=time", "conversations?q=boots", "conversations?q=48812",
    "conversations?q=nowhere",
    "conversations?chatbot=support&q=boots", "conversations?feedback=down",
    "conversations?status=failed", "conversations?flagged=true",
    "conversations?days=7&chatbot=support",
    "usage?days=30", "usage?days=90&by=key&metric=cost", "usage?days=90&by=chatbot&metric=tokens",
    "usage?days=30&by=user&key={key}", "usage?metric=errors&days=90&by=status",
    "usage?metric=latency&days=90", "usage?days=2&by=key", "usage?days=90&metric=limited&by=user",
    "usage?days=90&by=key&sort=-total", "usage?days=90&by=key&sort=2", "usage?days=90&sort=limited",
    "usage?days=90&by=chatbot&sort=-1", "usage?days=90&by=status&sort=-total",
    "usage?from={year_ago}&to={tomorrow}&by=key", "usage?days=90&metric=errors&by=chatbot",
    "usage?days=90&by=key&format=csv", "usage?days=7&by=chatbot",
    "runs", "runs?q={run}", "runs?model=bench&key={key}", "runs?after={run}", "runs/{run}",
    "billing", "billing?kind=top-ups", "billing?after={line}", "billing?q={run}",
    "api-keys", "api-keys?sort=-spent", "api-keys/{key}", "chatbots?sort=-cost", "files?sort=-size",
    "team?sort=name", "api-keys?sort=-spent&after={key}", "chatbots?sort=-cost&after={bot}",
    "models", "models/bench", "files", "team", "webhooks", "audit",
    "docs", "status",
)  # fmt: skip
ROUNDS = 20
LIMIT_MS, LIMIT_QUERIES = 150, 30


class Processor:
    """Milliseconds of processor time so far: ours, and the database's process where it is here."""

    def __init__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self._told = Path(f"/proc/{cursor.fetchone()[0]}/schedstat")

    def ms(self) -> float:
        theirs = int(self._told.read_text().split()[0]) / 1e6 if self._told.exists() else 0.0
        return time.process_time() * 1000 + theirs


class Questions:
    """Counts what is asked of the database, as a wrapper of Django's connection."""

    asked = 0

    def __call__(self, execute: Callable[..., object], *arguments: object) -> object:
        self.asked += 1
        return execute(*arguments)


def main() -> int:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("pages", nargs="*", help="Only addresses that begin so.")
    reader.add_argument("--conversations", type=int, default=100_000)
    reader.add_argument("--calls", type=int, default=1_000_000)
    asked = reader.parse_args()
    settings.ALLOWED_HOSTS = ["testserver"]
    connection.settings_dict["CONN_MAX_AGE"] = None  # a web process's pool keeps connections, too
    with nullcontext() if "DATABASE_URL" in os.environ else own_database():
        call_command("migrate", verbosity=0)
        begun = time.monotonic()
        team = dashboard_past.find() or dashboard_past.make(asked.conversations, asked.calls)
        print(f"past of {Hold.objects.count():,} calls, {Conversation.objects.count():,} "
              f"conversations: {time.monotonic() - begun:.0f} s")  # fmt: skip
        slow = async_to_sync(measure)(team, _names(team), tuple(asked.pages) or ("",))
        connection.close()
    print(f"{slow} pages above {LIMIT_MS} ms at p95 or {LIMIT_QUERIES} queries")
    return min(slow, 1)


async def measure(
    team: dashboard_past.Team, names: Mapping[str, object], wanted: tuple[str, ...]
) -> int:
    """How many pages are too slow, or ask too much."""
    client = AsyncClient()
    await client.aforce_login(team.owner)
    importlib.import_module("config.asgi")
    gc.freeze()  # as a web process does when it has loaded the site
    questions = Questions()
    await sync_to_async(lambda: connection.execute_wrappers.append(questions))()  # of its thread
    processor = await sync_to_async(Processor)()
    too_slow = 0
    print(f"{'p50 ms':>8}{'p95 ms':>8}{'cpu p95':>9}{'queries':>9}")
    for page in (page for page in PAGES if page.startswith(wanted)):
        address = f"/dashboard/{team.organisation.slug}/{page.format(**names)}"
        await _milliseconds(client, address, processor)  # what only a process's first request does
        questions.asked = 0
        taken = [await _milliseconds(client, address, processor) for _ in range(ROUNDS)]
        wall, cpu = (sorted(each) for each in zip(*taken, strict=True))
        queries, late = questions.asked // ROUNDS, ROUNDS * 95 // 100 - 1
        too_slow += wall[late] > LIMIT_MS or queries > LIMIT_QUERIES
        told = f"{statistics.median(wall):8.1f}{wall[late]:8.1f}{cpu[late]:9.1f}{queries:9d}"
        print(f"{told}  {page}", flush=True)
    await database.close()
    return too_slow


def _names(team: dashboard_past.Team) -> dict[str, object]:
    """Ids for the addresses: of rows in the middle of the past."""
    mine = team.organisation.id
    runs = Hold.objects.all().for_organisation(mine).order_by("closed_at")
    chats = Conversation.objects.all().for_organisation(mine).order_by("last_message_at")
    run, chat = runs[runs.count() // 2], chats[chats.count() // 2]
    line = run.journals.get().pk
    bots = Chatbot.objects.all().for_organisation(mine)
    today = timezone.now().date()
    return {
        "run": run.pk, "chat": chat.pk, "key": run.key_id, "line": line,
        "bot": bots[bots.count() // 2].pk,
        "tomorrow": today + timedelta(days=1), "year_ago": today - timedelta(days=364),
    }  # fmt: skip


async def _milliseconds(
    client: AsyncClient, address: str, processor: Processor
) -> tuple[float, float]:
    """By the clock, and of the processor."""
    begun, used = time.perf_counter(), processor.ms()
    answer = await client.get(address)
    taken = ((time.perf_counter() - begun) * 1000, processor.ms() - used)
    if answer.status_code not in (200, 302):
        sys.exit(f"{address} answers {answer.status_code}")
    return taken


if __name__ == "__main__":
    sys.exit(main())
