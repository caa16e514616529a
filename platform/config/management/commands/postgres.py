"""Run only the embedded database, in the foreground, for `manage.py migrate` and `shell`; or tell
where it and its programs are."""

import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from config import children, postgres


class Command(BaseCommand):
    help = "Run only the embedded database, in the foreground (Ctrl-C ends it)."
    requires_system_checks: list[str] = []  # `make check` asks them

    def add_arguments(self, parser: ArgumentParser) -> None:
        asked = parser.add_mutually_exclusive_group()
        asked.add_argument(
            "--url", action="store_true", help="print only its address, for pg_dump and its like"
        )
        asked.add_argument(
            "--programs", action="store_true", help="print only the folder of pg_dump and its like"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            if options["url"]:
                self.stdout.write(_url())
            elif options["programs"]:
                self.stdout.write(str(postgres.programs(settings.DATA_DIR)))
            else:
                self._run()
        except children.CannotStart as error:
            raise CommandError(str(error)) from error

    def _run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):  # a shell ignores one for us behind its `&`
            signal.signal(number, signal.default_int_handler)
        settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        sockets = postgres.socket_folder(settings.DATA_DIR)
        server = postgres.start(postgres.home(settings.DATA_DIR), sockets)
        try:
            postgres.ensure_database(sockets)
            self.stdout.write(_url())
            self.stdout.flush()
            server.wait()
        except KeyboardInterrupt:
            server.send_signal(signal.SIGINT)
            children.end(server, 10)


def _url() -> str:
    sockets = postgres.socket_folder(settings.DATA_DIR)
    return f"postgres:///{postgres.DATABASE}?host={sockets}&user={postgres.USER}"
