"""What is given to a Twisted transport leaves at once; only what cannot waits for its turn."""

import pytest

from config.back_pressure import write_at_once


class Wire:
    """As much of a transport as `write_at_once` touches: it sends `room` bytes at a time."""

    def __init__(self, room: int, failure: Exception | None = None) -> None:
        self.dataBuffer, self._tempDataBuffer = b"", list[bytes]()
        self.sent, self.turns = b"", 0
        self._room, self._failure = room, failure
        write_at_once(self)

    def startWriting(self) -> None:  # noqa: N802 - Twisted's name
        self.turns += 1

    def doWrite(self) -> Exception | None:  # noqa: N802 - Twisted's name
        waiting = self.dataBuffer + b"".join(self._tempDataBuffer)
        self.sent += waiting[: self._room]
        self.dataBuffer, self._tempDataBuffer = waiting[self._room :], []
        return self._failure

    def write(self, data: bytes) -> None:
        self._tempDataBuffer.append(data)
        self.startWriting()


def test_what_fits_leaves_at_once() -> None:
    wire = Wire(100)
    wire.write(b"a token")
    wire.write(b" and one more")
    assert (wire.sent, wire.turns) == (b"a token and one more", 0)


def test_what_does_not_fit_waits_for_its_turn() -> None:
    wire = Wire(4)
    wire.write(b"a token")
    assert (wire.sent, wire.dataBuffer, wire.turns) == (b"a to", b"ken", 1)


@pytest.mark.parametrize("failure", [None, ConnectionError()])
def test_an_end_is_the_loops_business(failure: Exception | None) -> None:
    """Twisted closes, and learns that the client has gone, in its own turn."""
    wire = Wire(100, failure)
    if failure:
        wire.write(b"a token")
    else:
        wire.startWriting()  # as closing does, with nothing to write
    assert wire.turns == 1
