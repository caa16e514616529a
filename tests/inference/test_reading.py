"""Events of a Run: several readers, from any event on, and slow ones without unbounded memory."""

import asyncio

from inference.engines.base import Delta, TokenLogprob
from inference.runs.answers import assemble
from inference.runs.reading import JOINED_TEXT, LAG, EventLog, Reader
from tests.patience import soon


def word(number: int, index: int = 0) -> Delta:
    return Delta(index, f" w{number}", number)


def logged(number: int) -> Delta:
    text = f" w{number}"
    return Delta(0, text, number, logprobs=(TokenLogprob(text, -1.0, text.encode()),))


async def read_all(reader: Reader) -> list[Delta]:
    return [delta async for deltas in reader for delta in deltas]


def reader_of(log: EventLog, after: int = 0) -> Reader:
    return Reader(log, after, lambda _: None)


async def test_readers_get_every_event_from_their_number_on() -> None:
    log = EventLog()
    early = asyncio.create_task(read_all(reader_of(log)))
    for number in range(1, 11):
        log.extend([word(number)])
        await asyncio.sleep(0)
    late = asyncio.create_task(read_all(reader_of(log, after=7)))
    log.end()
    assert [delta.completion_tokens for delta in await early] == list(range(1, 11))
    assert [delta.completion_tokens for delta in await late] == [8, 9, 10]


async def test_a_reader_that_lags_gets_fewer_longer_events() -> None:
    log = EventLog()
    for number in range(1, 10_001):
        log.extend([word(number, index) for index in range(2)])
    log.end()
    assert len(log.events) < LAG + 2 * (10_000 * 7 // JOINED_TEXT + 2)
    deltas = await read_all(reader_of(log))
    expected = "".join(word(number).text for number in range(1, 10_001))
    assert [answer.text for answer in assemble(deltas, 2)] == [expected, expected]
    assert deltas[-1].completion_tokens == 10_000


async def test_what_was_read_does_not_change_any_more() -> None:
    log = EventLog()
    log.extend([word(number) for number in range(1, 2 * LAG)])
    reader = reader_of(log)
    before = list(await anext(reader))
    log.extend([word(number) for number in range(2 * LAG, 4 * LAG)])
    log.end()
    rest = await read_all(reader)
    assert log.events == before + rest


async def test_joined_events_keep_the_finish_and_the_logprobs() -> None:
    log = EventLog()
    log.extend([*map(logged, range(1, LAG + 10)), Delta(0, "", LAG + 10, "length")])
    log.end()
    (joined,) = await read_all(reader_of(log))
    assert (joined.finish_reason, joined.completion_tokens) == ("length", LAG + 10)
    assert "".join(token.token for token in joined.logprobs) == joined.text


async def test_closing_ends_a_reader_that_waits() -> None:
    reader = reader_of(EventLog())
    waiting = asyncio.create_task(read_all(reader))
    await asyncio.sleep(0)
    reader.close()
    assert await soon(waiting) == []
    reader.close()
