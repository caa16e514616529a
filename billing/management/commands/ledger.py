"""`manage.py ledger audit|sweep|rebuild-usage|codes`: the ledger from the command line."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from billing import auditing, pricing, sweeping, topping_up, usage


class Command(BaseCommand):
    help = "Audit the book, close lapsed holds, sum usage again, issue credit codes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        audit = verbs.add_parser("audit", help="compare every sum that is kept twice")
        audit.add_argument("--json", action="store_true", help="one line of JSON, nano-dollars")
        verbs.add_parser("sweep", help="close the holds of processes that died")
        verbs.add_parser("rebuild-usage", help="sum usage by day again from the holds")
        codes = verbs.add_parser("codes", help="issue credit codes; each is shown this once")
        codes.add_argument("usd", help="what one code is worth, such as 5.00")
        codes.add_argument("--count", type=int, default=1)
        codes.add_argument("--note", default="")

    def handle(self, *_args: Any, **options: Any) -> None:
        getattr(self, "_" + options["verb"].replace("-", "_"))(options)

    def _audit(self, options: dict[str, Any]) -> None:
        drift = auditing.audit()
        if options["json"]:
            self.stdout.write(json.dumps(asdict(drift)))
        elif drift.total == 0:
            self.stdout.write("The book agrees with itself: no drift.")
        else:
            raise CommandError(f"The book contradicts itself (nano-dollars): {asdict(drift)}")

    def _sweep(self, _options: dict[str, Any]) -> None:
        swept = sweeping.sweep()
        self.stdout.write(f"{swept.charged} holds charged, {swept.voided} given back.")

    def _rebuild_usage(self, _options: dict[str, Any]) -> None:
        self.stdout.write(f"Usage is summed for every day before {usage.rebuild()}.")

    def _codes(self, options: dict[str, Any]) -> None:
        try:
            worth = pricing.nano(options["usd"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        for _ in range(options["count"]):
            self.stdout.write(topping_up.issue_code(worth, note=options["note"]))
