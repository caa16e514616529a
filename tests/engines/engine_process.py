"""Starts and ends engine processes for tests."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def command(folder: Path, address: str, *more: str) -> list[str]:
    entry = [sys.executable, "-m", "inference.engines.local", "--threads", "1"]
    return [*entry, "--model", str(folder), "--listen", address, *more]


@contextmanager
def engine(
    folder: Path, address: str, *more: str, secret: str = ""
) -> Iterator["subprocess.Popen[str]"]:
    """A process that has said it is ready; killed at the end if it still runs."""
    with engine_of(command(folder, address, *more), secret) as process:
        yield process


@contextmanager
def engine_of(arguments: list[str], secret: str = "") -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        arguments,
        cwd=ROOT,
        env={**os.environ, "SMARTER_ENGINE_SECRET": secret},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line.startswith("Serving "), "the engine did not start"
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
