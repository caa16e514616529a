"""Run only the embedded database, in the foreground, for `manage.py migrate` and `shell`."""

import signal
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand

from config import children, postgres


class Command(BaseCommand):
    help = "Run only the embedded database, in the foreground (Ctrl-C ends it)."
    requires_system_checks: list[str] = []  # `make check` asks them

    def handle(self, *_args: Any, **_options: Any) -> None:
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        settings.DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
        sockets = postgres.socket_folder(settings.DATA_DIR)
        server = postgres.start(postgres.home(settings.DATA_DIR), sockets)
        try:
            postgres.ensure_database(sockets)
            self.stdout.write(
                f"postgres:///{postgres.DATABASE}?host={sockets}&user={postgres.USER}"
            )
            server.wait()
        except KeyboardInterrupt:
            server.send_signal(signal.SIGINT)
            children.end(server, 10)
