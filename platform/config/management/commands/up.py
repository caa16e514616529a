"""`make run`: start and supervise everything until Ctrl-C."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from config import data_folder, server
from config.children import CannotStart
from config.parts import Address
from config.site import Site


class Command(BaseCommand):
    help = "Start and supervise the whole site: database, web server, model engines, worker."
    requires_system_checks: list[str] = []  # `make check` asks them

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--server", choices=server.KINDS, default="daphne")
        parser.add_argument("--json", action="store_true", help="print one line when ready")
        parser.add_argument("--no-worker", action="store_true", help="the worker runs elsewhere")

    def handle(self, *_args: Any, **options: Any) -> None:
        address = Address(options["host"], options["port"], options["server"])
        try:
            with data_folder.claimed(settings.DATA_DIR):
                server.require_free_port(address.host, address.port)
                site = Site(address, as_json=options["json"], with_worker=not options["no_worker"])
                site.run()
        except CannotStart as error:
            raise CommandError(str(error)) from error
