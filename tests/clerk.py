"""Runs management commands one after another: a process for each would take seconds to start."""

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Clerk:
    """The handle on the process; it ends with `dismiss`, or with us."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._one_at_a_time = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            env=environment,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, arguments: Sequence[str]) -> tuple[int, str]:
        """Of one command: its exit status and all that it said."""
        wishes, answers = self._process.stdin, self._process.stdout
        assert wishes is not None
        assert answers is not None
        with self._one_at_a_time:
            print(json.dumps(arguments), file=wishes, flush=True)
            answer = answers.readline()
        assert answer, f"manage.py {arguments} broke down: see the standard error"
        code, said = json.loads(answer)
        return code, said

    def dismiss(self) -> None:
        self._process.communicate(timeout=30)


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    import django  # noqa: PLC0415 - the other side needs none of it

    django.setup()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(_run(json.loads(line))) + "\n")
        sys.stdout.flush()


def _run(arguments: list[str]) -> tuple[int, str]:
    from django.core.management import CommandError, call_command  # noqa: PLC0415 - as above
    from django.db import connections  # noqa: PLC0415 - as above

    said = io.StringIO()
    try:
        with redirect_stdout(said), redirect_stderr(said):
            call_command(*arguments)
    except CommandError as error:
        return 1, f"{said.getvalue()}{error}"
    except SystemExit as end:
        return int(end.code or 0), said.getvalue()
    finally:
        connections.close_all()  # the database may be stopped before the next one
    return 0, said.getvalue()


if __name__ == "__main__":
    main()
