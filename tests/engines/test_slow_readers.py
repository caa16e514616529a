"""Who reads slowly gets fewer, longer pieces, and holds up nobody."""

import asyncio
from typing import Any, cast

import pytest

from inference.engines.base import Delta, EngineInfo, EngineUnavailable, SamplingParams
from inference.engines.local import frames
from inference.engines.local.connection import Connection, Host
from inference.engines.local.reader_stream import ReaderStream
from inference.engines.local.sequences import Sequence, Submission, TokenEvent
from inference.engines.local.streams import Stream
from inference.engines.local.vocabulary import Vocabulary

WORDS = Vocabulary([b"a", b"b", b"c"], strips_first_space=False)


class FakeTransport:
    def __init__(self) -> None:
        self.reader = frames.FrameReader()
        self.written: list[list[Any]] = []

    def write(self, data: bytes) -> None:
        self.written += self.reader.feed(data)

    def is_closing(self) -> bool:
        return False


class FakeHost:
    secret = None
    model = type("Model", (), {"info": EngineInfo("m", 100, 3, 1, "float32", "cpu")})

    def __init__(self) -> None:
        self.connections: set[Connection] = set()
        self.cancelled: list[Submission] = []

    def cancel(self, submission: Submission) -> None:
        self.cancelled.append(submission)


def connected() -> tuple[Connection, FakeTransport]:
    connection, transport = Connection(cast("Host", FakeHost())), FakeTransport()
    connection.connection_made(cast("asyncio.BaseTransport", transport))
    transport.written.clear()
    return connection, transport


def test_a_full_socket_merges_what_waits_and_sends_it_when_there_is_room() -> None:
    connection, transport = connected()
    submission = Submission([1], SamplingParams(), 3)
    stream = Stream.open(4, connection, submission, WORDS)
    sequence = Sequence(submission, 0, cast("Any", None))
    connection.pause_writing()
    for token, reason in ((0, None), (1, None), (2, "length")):
        stream.give(TokenEvent(sequence, token, cast("Any", reason), None))
        connection.flush()
    assert transport.written == []
    connection.resume_writing()
    assert transport.written == [[frames.DELTAS, [[4, 0, "abc", 3, "length", [], 0, []]]]]


def test_one_frame_carries_what_a_step_gave_all_streams() -> None:
    connection, transport = connected()
    for number in (3, 4):
        submission = Submission([1], SamplingParams(n=2), 9)
        stream = Stream.open(number, connection, submission, WORDS)
        for index in (0, 1):
            sequence = Sequence(submission, index, cast("Any", None))
            stream.give(TokenEvent(sequence, index, None, None))
    connection.flush()
    ((verb, deltas),) = transport.written
    assert verb == frames.DELTAS
    assert [delta[:3] for delta in deltas] == [[3, 0, "a"], [3, 1, "b"], [4, 0, "a"], [4, 1, "b"]]


def test_a_reader_that_sleeps_gets_all_it_missed_as_one() -> None:
    async def scenario() -> None:
        stream = ReaderStream(choices=2)
        stream.add(Delta(0, "a", 1))
        stream.add(Delta(1, "x", 1))
        stream.add(Delta(0, "b", 2, "stop"))
        assert await stream.take() == [Delta(0, "ab", 2, "stop"), Delta(1, "x", 1)]
        assert not stream.finished
        stream.fail(EngineUnavailable("gone"))
        assert stream.complete
        with pytest.raises(EngineUnavailable, match="gone"):
            await stream.take()

    asyncio.run(scenario())


def test_what_was_prepared_in_vain_is_forgotten_after_a_minute() -> None:
    connection, transport = connected()
    connection._prepared[7] = type("Kept", (), {"until": 100.0})()
    connection.forget_expired(99.0)
    assert 7 in connection._prepared
    connection.forget_expired(101.0)
    connection._generate(7, 5)
    assert transport.written[0][:3] == [frames.ERROR, 7, "GenerationFailed"]


def test_after_a_cancellation_nothing_more_is_said() -> None:
    connection, transport = connected()
    submission = Submission([1], SamplingParams(), 3)
    stream = Stream.open(4, connection, submission, WORDS)
    connection._streams[4] = stream
    sequence = Sequence(submission, 0, cast("Any", None))
    stream.give(TokenEvent(sequence, 0, None, None))
    connection._cancel(4)
    stream.give(TokenEvent(sequence, 1, None, None))
    connection.flush()
    assert transport.written == []
    assert cast("FakeHost", connection._host).cancelled == [submission]
