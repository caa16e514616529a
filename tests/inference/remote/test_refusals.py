"""What a server refuses: whose doing it is, in whose words, and whether another one is asked."""

import pytest

from inference.engines.base import (
    ContextTooLong,
    EngineError,
    EngineOverloaded,
    GenerationFailed,
    InvalidGeneration,
)
from tests.inference.remote.upstream import Call, engine, full, generated, said, upstream


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


@pytest.mark.parametrize(
    ("status", "told", "wait"),
    [(503, {}, 1.0), (503, {"retry_after": "86400"}, 60.0), (429, {"retry_after": "Tue"}, 1.0)],
)
async def test_how_long_a_full_server_is_left_is_bounded(
    status: int, told: dict[str, str], wait: float
) -> None:
    """As vLLM, SGLang and Ray Serve's proxy say that they have no room."""

    async def no_room(call: Call) -> None:
        await call.answer(status, "Request dropped due to backpressure", **told)

    async with upstream(no_room) as server, engine(server) as remote:
        with pytest.raises(EngineOverloaded) as refused:
            await generated(remote)
    assert refused.value.retry_after == wait
