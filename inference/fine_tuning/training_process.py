"""The worker's handle on a trainer: start it, read what it tells, say a word, end it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from django.conf import settings

from inference.fine_tuning.trainer.talk import GO, STOP

LOG, TOLD = "trainer.log", "told.jsonl"
SECONDS_TO_STOP: Final = 8.0  # within a worker's own ten
Told = dict[str, Any]


class TrainerProcess:
    """It ends by itself when its standard input closes, as it does when this process is killed."""

    def __init__(self, folder: Path) -> None:
        self._told = (folder / TOLD).open("w+b")
        self._rest = b""
        with (folder / LOG).open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours, no shell reads it
                [sys.executable, "-m", "inference.fine_tuning.trainer", str(folder)],
                stdin=subprocess.PIPE,
                stdout=self._told,
                stderr=log,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, _roots()))},
                start_new_session=True,
            )
        self._reading = (folder / TOLD).open("rb")

    def told(self) -> Iterator[Told]:
        """What is new since the last call."""
        *whole, self._rest = (self._rest + self._reading.read()).split(b"\n")
        yield from (json.loads(line) for line in whole if line.startswith(b"{"))

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def go(self) -> None:
        self._say(GO)

    def stop(self) -> list[Told]:
        """Let it keep its state, and wait for that; everything that it told until its end."""
        self._say(STOP)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(SECONDS_TO_STOP)
        self.kill()
        return list(self.told())

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.close()

    def close(self) -> None:
        """After its end."""
        self._told.close()
        self._reading.close()

    def _say(self, word: str) -> None:
        if self._process.stdin:
            with suppress(BrokenPipeError):
                self._process.stdin.write(f"{word}\n".encode())
                self._process.stdin.flush()


def _roots() -> tuple[Path, Path]:
    return settings.BASE_DIR, settings.BASE_DIR / "platform"
