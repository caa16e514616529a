"""Connections for the few prepared statements that every call asks: a round trip and no more.

Around a short statement a checkout, a cursor and a waiter cost more than the statement itself. Here
libpq (psycopg brings it) is asked directly, and the event loop watches a socket for as long as its
connection lives, so one that the server has closed is known before it is asked.
"""

import asyncio
from typing import Any, Self

import psycopg
from psycopg.adapt import Transformer
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

Rows = list[tuple[Any, ...]]


class Line:
    """Of one event loop. `ask` may be called again when the answer has come."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self.is_open = True
        self._connection = connection  # it would be closed with its last reference
        self._libpq = connection.pgconn
        self._socket = self._libpq.socket
        self._reading = Transformer(connection)
        self._prepared: dict[str, bytes] = {}  # statements, each with its name
        self._loop = asyncio.get_running_loop()
        self._asked: asyncio.Future[PGresult] | None = None
        self._result: PGresult | None = None
        self._loop.add_reader(self._socket, self._readable)

    @classmethod
    async def to(cls, parameters: dict[str, Any]) -> Self:
        """Raises psycopg.Error."""
        return cls(await psycopg.AsyncConnection.connect(**parameters, autocommit=True))

    async def ask(self, statement: str, parameter: str) -> Rows:
        """The rows for `$1`. Raises psycopg.Error; cancelling it closes the line."""
        name = self._prepared.get(statement) or await self._prepare(statement)
        self._libpq.send_query_prepared(name, [parameter.encode()])
        result = await self._answer()
        self._reading.set_pgresult(result)
        return self._reading.load_rows(0, result.ntuples, tuple)

    def close(self, reason: psycopg.Error | None = None) -> None:
        if not self.is_open:
            return
        self.is_open = False
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._libpq.finish()
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(reason or psycopg.OperationalError("The line is closed."))

    async def _prepare(self, statement: str) -> bytes:
        name = b"%d" % len(self._prepared)
        self._libpq.send_prepare(name, statement.encode())
        await self._answer()
        self._prepared[statement] = name
        return name

    async def _answer(self) -> PGresult:
        self._asked = self._loop.create_future()
        self._write()
        try:
            result = await self._asked
        except asyncio.CancelledError:
            self.close()
            raise
        if result.status == ExecStatus.FATAL_ERROR:
            raise error_from_result(result)
        return result

    def _write(self) -> None:
        if self._libpq.flush():  # the socket takes no more at the moment
            self._loop.add_writer(self._socket, self._writable)

    def _writable(self) -> None:
        self._loop.remove_writer(self._socket)
        try:
            self._write()
        except psycopg.OperationalError as error:
            self.close(error)

    def _readable(self) -> None:
        try:
            self._libpq.consume_input()
            while not self._libpq.is_busy():
                result = self._libpq.get_result()
                if result is None:
                    self._ended()
                    return
                self._result = result
        except psycopg.OperationalError as error:
            self.close(error)

    def _ended(self) -> None:
        """The server waits for the next question; nobody has asked if it only spoke of itself."""
        asked, self._asked = self._asked, None
        result, self._result = self._result, None
        if asked is not None and result is not None and not asked.done():
            asked.set_result(result)
