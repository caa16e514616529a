"""Every fault of a server: who hears of it, who is asked instead, and that nobody is asked twice
once an answer has begun."""

import asyncio

import pytest

from inference.engines import replicas
from inference.engines.base import (
    ContextTooLong,
    Delta,
    EngineError,
    EngineOverloaded,
    EngineUnavailable,
    GenerationFailed,
    InvalidGeneration,
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
    generated,
    read,
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


async def refuses_to_speak(call: Call) -> None:
    await call.cut()


async def full(call: Call) -> None:
    await call.answer(429, {"error": {"message": "slow down"}}, retry_after="7")


async def no_key(call: Call) -> None:
    await call.answer(401, {"error": {"message": "bad key sk-123"}})


async def no_json(call: Call) -> None:
    await call.begin()
    await call.event(b'{"choices": [')


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


@pytest.mark.parametrize(
    ("status", "body", "kind", "words", "param"),
    [
        (400, {"error": {"message": "top_k is odd", "param": "top_k"}}, InvalidGeneration,
         "top_k is odd", "top_k"),
        (400, {"message": "maximum context length is 8"}, ContextTooLong, "maximum context", None),
        (422, {"error": "no http://10.0.0.1:8000/v1 or /opt/vllm/a.py"}, InvalidGeneration,
         "no … or …", None),
        (400, [], InvalidGeneration, "refuses this request", None),
        (400, {"object": "error", "message": "The input (9 tokens) is longer than the model's "
         "context length", "code": 400}, ContextTooLong, "longer than", None),
        (400, {"error": {"message": "The decoder prompt (length 9) is longer than the maximum model"
         " length of 8", "code": 400}}, ContextTooLong, "decoder prompt", None),
        (422, {"detail": "Unexpected fields in the request: {'x'}"}, InvalidGeneration,
         "Unexpected fields", None),
        (422, {"detail": [{"loc": ["body", "top_p", "float"], "msg": "Input should be less"}]},
         InvalidGeneration, "should be less", "top_p"),
        (422, {"detail": [5]}, InvalidGeneration, "refuses this request", None),
    ],
)  # fmt: skip
async def test_what_the_caller_did_wrong_is_told_and_not_tried_elsewhere(
    status: int, body: object, kind: type[EngineError], words: str, param: str | None
) -> None:
    async def refuse(call: Call) -> None:
        await call.answer(status, body)

    async with upstream(refuse) as one, upstream(refuse) as two, engine(one, two) as remote:
        with pytest.raises(kind, match=words) as told:
            await generated(remote)
        assert all(replica.ready for replica in remote.replicas.all)

    assert getattr(told.value, "param", None) == param
    assert len(one.generations) + len(two.generations) == 1


async def test_a_refusal_that_comes_as_the_first_event_is_one_too() -> None:
    """vLLM and SGLang look at some requests only after they have answered with 200."""

    async def late(call: Call) -> None:
        await call.begin()
        told = {"message": "maximum context length is 8", "param": "messages", "code": 400}
        await call.event({"error": told})
        await call.end()

    async with upstream(late) as one, upstream(late) as two, engine(one, two) as remote:
        with pytest.raises(ContextTooLong, match="length is 8") as told:
            await generated(remote)
    assert told.value.param == "messages"
    assert len(one.generations) + len(two.generations) == 1


@pytest.mark.parametrize("code", [400, 500, None, "x", [5]])
async def test_an_error_among_its_words_is_a_failure_of_the_server(code: object) -> None:
    async def breaks_off(call: Call) -> None:
        await call.begin()
        await call.event(said("Hello"))
        await call.event({"error": {"message": "maximum context length is 8", "code": code}})
        await call.end()

    async with upstream(breaks_off) as server, engine(server) as remote:
        with pytest.raises(GenerationFailed, match="broke this answer off"):
            await generated(remote)


async def test_full_servers_say_when_to_come_again() -> None:
    async with upstream(full) as one, upstream(full) as two, engine(one, two) as remote:
        with pytest.raises(EngineOverloaded) as told:
            await generated(remote)

    assert told.value.retry_after == 7
    assert len(one.generations) == len(two.generations) == 1
