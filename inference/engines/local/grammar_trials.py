"""The engine's handle on a process that tries grammars: asks, waits, and restarts it if it died.

A trial has half a second of processor time. How long that takes is for the machine to say: a schema
is not refused because others work there, too.
"""

import select
import subprocess
import sys
import time
from typing import IO

from inference.engines.base import EngineOverloaded
from inference.engines.local import grammar_compiler
from inference.engines.local.grammar_compiler import LENGTH, TokenizerText

START_SECONDS = 30.0
PATIENCE_SECONDS = 10.0

_COMMAND = [sys.executable, "-m", grammar_compiler.__name__]


class _Gone(Exception):
    """The process has ended: by itself, or because its time was over."""


class _NoTurn(Exception):
    """It runs still: the machine has not given it the time that it may take."""


class Trial:
    """One process, for one thread at a time. It ends with its input, so also with the engine."""

    def __init__(self, tokenizer: TokenizerText) -> None:
        self._setup = grammar_compiler.setup_frame(tokenizer)
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = False

    def start(self) -> None:
        """Returns at once; the first question waits until the process is ready."""
        self.close()
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
            _COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._ready = False

    def fault(self, grammar: str) -> str:
        """Why this grammar cannot be used; empty if it can. Raises EngineOverloaded."""
        try:
            if not self._ready:
                self._get_ready()
            return self._ask(grammar.encode(), PATIENCE_SECONDS)
        except (_Gone, OSError):
            self.start()
            return "it is too complex"
        except _NoTurn as error:
            self.start()
            message = "The engine's machine is too busy to read this schema."
            raise EngineOverloaded(message, retry_after=5.0) from error

    def close(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            for pipe in self._pipes():
                pipe.close()
            self._process = None

    def _get_ready(self) -> None:
        if self._process is None:
            self.start()
        self._ask(self._setup, START_SECONDS)
        self._ready = True

    def _ask(self, question: bytes, seconds: float) -> str:
        wishes, answers = self._pipes()
        grammar_compiler.write_frame(wishes, question)
        until = time.monotonic() + seconds
        (length,) = LENGTH.unpack(_read(answers, LENGTH.size, until))
        return _read(answers, length, until).decode()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise _Gone
        return process.stdin, process.stdout


def _read(stream: IO[bytes], size: int, until: float) -> bytes:
    """Raises _NoTurn when the time is over, _Gone when the stream ends."""
    poll = select.poll()
    poll.register(stream, select.POLLIN)
    read = b""
    while len(read) < size:
        left = max(0, int(1000 * (until - time.monotonic())))
        if not poll.poll(left):
            raise _NoTurn
        piece = stream.read1(size - len(read))  # type: ignore[attr-defined]  # a pipe is a BufferedReader
        if not piece:
            raise _Gone
        read += piece
    return read
