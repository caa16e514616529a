"""Run the web process alone; `up` runs it together with everything that it needs."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError

from config import server
from config.children import CannotStart


class Command(BaseCommand):
    help = "Run the web process in the foreground (it needs a migrated database)."
    requires_system_checks: list[str] = []  # `make check` asks them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--server", choices=server.KINDS, default="daphne")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            server.serve(options["host"], options["port"], options["server"])
        except CannotStart as error:
            raise CommandError(str(error)) from error
