"""Every fault of a server: who hears of it, who is asked instead, and that nobody is asked twice
once an answer has begun."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from inference.engines import replicas
from inference.engines.base import (
    Delta,
    EngineOverloaded,
    EngineUnavailable,
    GenerationFailed,
)
from inference.engines.remote import engine as engine_module
from tests.inference.remote.upstream import (
    USAGE,
    Call,
    Script,
    bad_gateway,
    engine,
    fails,
    finished,
    full,
    generated,
    no_json,
    no_key,
    read,
    refuses_to_speak,
    request,
    said,
    text,
    two_words,
    upstream,
)
from tests.patience import soon


async def never(call: Call) -> None:
    await asyncio.sleep(3600)


async def silent_after_its_headers(call: Call) -> None:
    await call.begin()
    await call.event({"choices": [{"index": 0, "delta": {"role": "assistant"}}]})
    await asyncio.sleep(3600)


async def cut_before_its_first_word(call: Call) -> None:
    await call.begin()
    await call.event({"choices": [{"index": 0, "delta": {"role": "assistant"}}]})
    await call.cut()


async def wrong_json(call: Call) -> None:
    await call.begin()
    await call.event({"choices": [{"index": -1, "delta": {"content": 5}}]})


async def one_choice_too_many(call: Call) -> None:
    await call.begin()
    await call.event(said("x", index=1))


async def huge_line(call: Call) -> None:
    await call.begin()
    while True:
        await call.raw(b"data: " + b"x" * 65536)


async def error_event(call: Call) -> None:
    await call.begin()
    await call.event({"error": {"message": "CUDA out of memory", "code": 500}})


async def full_event(call: Call) -> None:
    await call.begin()
    await call.event({"error": {"message": "The request queue is full.", "code": 503}})


async def nonsense_event(call: Call) -> None:
    await call.begin()
    await call.event({"error": {"code": [400]}})


async def took_too_long(call: Call) -> None:
    """Ray Serve LLM's own limit."""
    await call.answer(408, {"error": {"message": "Request server side timeout", "code": 408}})


FAULTS: list[Script] = [
    cut_before_its_first_word, refuses_to_speak, fails, bad_gateway, full, no_key, no_json,
    wrong_json, one_choice_too_many, huge_line, error_event, full_event, nonsense_event,
    took_too_long,
]  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_before_the_first_word_another_server_is_asked(fault: Script) -> None:
    async with upstream(fault) as ill, upstream() as well, engine(ill, well) as remote:
        heard = [text(await generated(remote)) for _ in range(4)]

    assert heard == ["Hello you"] * 4
    assert ill.generations
    assert len(well.generations) == 4


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
async def test_a_server_alone_is_asked_once_and_its_fault_is_told(fault: Script) -> None:
    async with upstream(fault) as ill, engine(ill) as remote:
        with pytest.raises((EngineUnavailable, EngineOverloaded, GenerationFailed)) as told:
            await generated(remote)

    assert len(ill.generations) == 1
    assert not any(word in str(told.value) for word in ("/opt", "CUDA", "sk-", "127.0.0.1"))


@pytest.mark.parametrize(
    "script", [never, silent_after_its_headers], ids=lambda script: script.__name__
)
async def test_a_server_that_falls_ill_gives_its_waiting_requests_to_another(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "CHECK_SECONDS", 0.05)
    async with upstream(script) as ill, upstream(script) as well, engine(ill, well) as remote:
        waiting = [asyncio.create_task(generated(remote)) for _ in range(4)]
        await ill.asked(2)
        await well.asked(2)
        ill.health, well.script = 503, two_words
        ended = asyncio.as_completed(waiting, timeout=10)
        moved = [await next(ended) for _ in ill.generations]
        assert [text(deltas) for deltas in moved] == ["Hello you"] * 2
        for call in ill.generations:
            await soon(call.left.wait())
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting)


async def test_a_server_that_never_answers_is_left_after_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine_module, "FIRST_BYTE_SECONDS", 0.1)
    async with upstream(never) as ill, upstream() as well, engine(ill, well) as remote:
        heard = [text(await generated(remote)) for _ in range(2)]

    assert heard == ["Hello you"] * 2
    assert ill.generations


async def test_a_server_alone_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "FIRST_BYTE_SECONDS", 0.01)

    async def slow(call: Call) -> None:
        await asyncio.sleep(0.1)
        await two_words(call)

    async with upstream(slow) as server, engine(server) as remote:
        assert text(await generated(remote)) == "Hello you"
    assert len(server.generations) == 1


async def test_one_request_visits_three_servers_at_most() -> None:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(upstream(full)) for _ in range(5)]
        remote = await stack.enter_async_context(engine(*servers))
        with pytest.raises(EngineOverloaded):
            await generated(remote)
        assert sorted(len(server.generations) for server in servers) == [0, 0, 1, 1, 1]


async def test_nobody_else_is_asked_once_an_answer_has_begun() -> None:
    async def cut_later(call: Call) -> None:
        await call.begin()
        await call.event(said("Hello"))
        await asyncio.sleep(0.05)
        await call.cut()

    async with upstream(cut_later) as one, upstream(cut_later) as two, engine(one, two) as remote:
        heard: list[Delta] = []
        prepared = await remote.prepare(request())
        with pytest.raises(EngineUnavailable, match="went away"):
            await read(remote, prepared, heard)

    assert text(heard) == "Hello"
    assert len(one.generations) + len(two.generations) == 1


async def test_an_answer_that_ends_too_early_has_failed() -> None:
    async def no_finish(call: Call) -> None:
        await call.begin()
        await call.event(said("Hello"))
        await call.event({"choices": [], "usage": USAGE})
        await call.end()

    async with upstream(no_finish) as server, engine(server) as remote:
        with pytest.raises(GenerationFailed, match="ended before"):
            await generated(remote)


async def test_a_server_may_hang_up_when_all_is_said() -> None:
    async def hangs_up(call: Call) -> None:
        await call.begin()
        await call.event(said("Hello"))
        await call.event({**finished(), "usage": USAGE})
        call.writer.write(b"0\r\n\r\n")
        await call.writer.drain()

    async with upstream(hangs_up) as server, engine(server) as remote:
        assert text(await generated(remote)) == "Hello"
