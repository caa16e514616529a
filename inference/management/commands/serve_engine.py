"""`manage.py serve_engine`: the engine process of one model, see inference.engines.local."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from inference.engines.local import __main__ as entry


class Command(BaseCommand):
    help = "Serve one model at a socket, until SIGTERM."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        entry.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(entry.run(argparse.Namespace(**options)))
