"""Ends Python code that runs too long in a worker thread, as a template with nested loops can."""

import ctypes
import threading
import time
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class TookTooLong(Exception):
    """The time is over; whatever ran has been ended."""


class TimeLimit:
    """`run` in the worker; `expire` from elsewhere, when the time is over. For one use.

    The interpreter raises at the next bytecode, so native code runs to its end first.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._expired = False

    def run(self, work: Callable[[], Result]) -> Result:
        self._thread = threading.get_ident()
        result = work()
        with self._lock:
            self._thread = None
        if self._expired:
            time.sleep(0)  # the exception is on its way: let it arrive here, not in later work
        return result

    def expire(self) -> None:
        with self._lock:
            if self._thread is not None:
                self._expired = True
                ctypes.pythonapi.PyThreadState_SetAsyncExc(
                    ctypes.c_ulong(self._thread), ctypes.py_object(TookTooLong)
                )
