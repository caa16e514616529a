"""The engine's side of the processes that hold answers to their forms.

Compiling has half a second of processor time. How long that takes is for the machine to say: a
schema is not refused because others work there, too.
"""

import json
import mmap
import os
import pickle
import socket
import subprocess
import sys
import threading
import time
from array import array
from collections.abc import Iterable
from dataclasses import astuple

import numpy as np
import numpy.typing as npt

from inference.engines.base import EngineOverloaded
from inference.engines.local import grammar_process
from inference.engines.local.grammar_process import CPU_SECONDS, MOST_BYTES, Fault, Setup

START_SECONDS = 30.0
PATIENCE_SECONDS = 10.0

_COMMAND = [sys.executable, "-m", grammar_process.__name__]


class Keeper:
    """A grammar's process. One thread at a time asks it; when dropped, it ends.

    `forbidden` is what it answers to MASKS, a row for each number, a column for each token.
    """

    def __init__(self, parent: socket.socket, wish: bytes, rows: int, tokens: int) -> None:
        """Raises OSError when `parent` is gone; else it forks as soon as it can."""
        memory, paper = os.memfd_create("masks"), os.memfd_create("wish")
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._awaited = 0
        try:
            os.ftruncate(memory, rows * tokens)
            shared = np.frombuffer(mmap.mmap(memory, rows * tokens), np.bool_)
            self.forbidden: npt.NDArray[np.bool_] = shared.reshape(rows, tokens)
            os.pwrite(paper, wish, 0)
            socket.send_fds(parent, [b"fork"], [theirs.fileno(), memory, paper])
        except OSError:
            self.close()
            raise
        finally:
            os.close(memory)
            os.close(paper)
            theirs.close()

    def __del__(self) -> None:
        self.close()

    def hear(self, seconds: float) -> bytes:
        """Empty: it is gone. Raises TimeoutError."""
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(MOST_BYTES)
        except ConnectionError:
            return b""

    def ask(self, wish: int, numbers: Iterable[int]) -> None:
        while self._awaited:  # by a step that broke
            self.answer()
        self._awaited += 1
        try:
            self._socket.send(array("i", [wish, *numbers]))
        except OSError:
            self.close()

    def answer(self) -> bytes:
        """Empty: it is gone, or as good as that."""
        self._awaited -= 1
        try:
            said = self._socket.recv(MOST_BYTES)
        except OSError:  # among them: it has taken too long
            said = b""
        if not said:
            self.close()
        return said

    def close(self) -> None:
        self._socket.close()


class Keepers:
    """Starts them; several threads may ask at once."""

    def __init__(self, setup: Setup, rows: int) -> None:
        """At most so many rows are held to one grammar in a step."""
        self._setup = pickle.dumps(setup)
        self._rows, self._tokens = rows, setup.tokenizer.size
        self._lock = threading.Lock()
        self._parent: _Parent | None = None

    def start(self) -> None:
        """Returns at once; the first grammar waits until its process can be forked."""
        with self._lock:
            self._parent = self._parent or _Parent(self._setup)

    def close(self) -> None:
        with self._lock:
            if self._parent:
                self._parent.close()
                self._parent = None

    def keeper(self, wish: bytes) -> "Keeper | Fault":
        """Raises EngineOverloaded."""
        began = time.monotonic()
        keeper, verdict = self._heard(wish)
        if not verdict and time.monotonic() - began < CPU_SECONDS:
            keeper, verdict = self._heard(wish)  # it had time left: somebody may have killed it
        fault = Fault(**json.loads(verdict)) if verdict else Fault(reason="it is too complex")
        return fault if any(astuple(fault)) else keeper

    def _heard(self, wish: bytes) -> tuple[Keeper, bytes]:
        """And what it says of its grammar: nothing, when it has ended. Raises EngineOverloaded."""
        try:
            keeper = self._forked(wish) or self._forked(wish)  # somebody may have killed the parent
            if keeper:
                return keeper, keeper.hear(PATIENCE_SECONDS)
        except TimeoutError:
            pass
        message = "The engine's machine is too busy to read this schema."
        raise EngineOverloaded(message, retry_after=5.0)

    def _forked(self, wish: bytes) -> Keeper | None:
        """None: the parent was gone. Raises TimeoutError: it has no turn. It is then another."""
        self.start()
        parent = self._parent
        if parent is None:
            return None
        try:
            keeper = Keeper(parent.control, wish, self._rows, self._tokens)
            if keeper.hear(PATIENCE_SECONDS if parent.ready else START_SECONDS):
                parent.ready = True
                return keeper
        except TimeoutError:
            self._leave(parent)
            raise
        except OSError:
            pass
        self._leave(parent)
        return None

    def _leave(self, parent: "_Parent") -> None:
        with self._lock:
            parent.close()
            if self._parent is parent:
                self._parent = None


class _Parent:
    """The process that forks."""

    def __init__(self, setup: bytes) -> None:
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ready = False
        paper = os.memfd_create("setup")
        os.pwrite(paper, setup, 0)
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
            [*_COMMAND, str(theirs.fileno())],
            stdin=paper,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
        os.close(paper)
        theirs.close()

    def close(self) -> None:
        self.control.close()
        self._process.kill()
        self._process.wait()
