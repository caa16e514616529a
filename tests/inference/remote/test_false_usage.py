"""A server that tells lies of what it used: nobody pays for more than can have been."""

from typing import Any

import pytest

from inference.engines.base import Delta, GenerationFailed
from tests.inference.remote.upstream import (
    USAGE,
    Call,
    Script,
    engine,
    finished,
    generated,
    read,
    request,
    said,
    upstream,
)


def telling(total: object, **piece: Any) -> Script:
    async def script(call: Call) -> None:
        await call.begin()
        await call.event({**said("Hello"), **piece})
        await call.event(finished())
        await call.event({"choices": [], "usage": total})
        await call.end()

    return script


async def last_of(script: Script, **sampling: Any) -> Delta:
    async with upstream(script) as server, engine(server) as remote:
        return (await generated(remote, request("word " * 40, **sampling)))[-1]


async def test_no_more_of_a_prompt_was_remembered_than_it_has() -> None:
    usage = {**USAGE, "prompt_tokens_details": {"cached_tokens": 10**6}}
    last = await last_of(telling(usage))
    assert (last.prompt_tokens, last.cached_tokens) == (7, 7)


@pytest.mark.parametrize("details", [None, {}, {"cached_tokens": None}, {"audio_tokens": 0}])
async def test_details_that_are_not_told_are_none(details: object) -> None:
    last = await last_of(telling({**USAGE, "prompt_tokens_details": details}))
    assert (last.completion_tokens, last.cached_tokens) == (2, 0)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": -5, "completion_tokens": 2},
        {"prompt_tokens": 7, "completion_tokens": -2},
        {"prompt_tokens": 7, "completion_tokens": 10**12},
        {"prompt_tokens": "7e99", "completion_tokens": 2},
        {"prompt_tokens": 7, "completion_tokens": None},
        {"completion_tokens": 2},
        [],
    ],
    ids=str,
)
async def test_what_cannot_be_usage_makes_the_answer_fail(usage: object) -> None:
    with pytest.raises(GenerationFailed):
        await last_of(telling(usage))


async def test_what_a_piece_does_not_tell_its_end_may() -> None:
    nothing_yet = {"prompt_tokens": 7, "completion_tokens": None}
    assert (await last_of(telling(USAGE, usage=nothing_yet))).completion_tokens == 2


async def test_a_piece_cannot_have_taken_more_than_the_whole_answer_may() -> None:
    heard: list[Delta] = []
    boast = {"prompt_tokens": 7, "completion_tokens": 10**6}
    script = telling(None, usage=boast)
    async with upstream(script) as server, engine(server, options="usage=each") as remote:
        await read(remote, await remote.prepare(request()), heard)
    assert {delta.completion_tokens for delta in heard} == {50}


@pytest.mark.parametrize(
    ("usage", "named"),
    [
        ({"prompt_tokens": 7, "completion_tokens": 51}, True),
        ({"prompt_tokens": 10**8, "completion_tokens": 2}, True),
        ({"prompt_tokens": 7, "completion_tokens": 50}, False),
    ],
    ids=str,
)
async def test_whose_figures_are_wrong_stands_in_the_log(
    usage: dict[str, int], named: bool, caplog: pytest.LogCaptureFixture
) -> None:
    await last_of(telling(usage))
    assert ("remote_usage_too_large" in caplog.messages) == named


async def test_of_a_piece_each_log_probability_is_a_token() -> None:
    told = [{"token": word, "logprob": -0.5} for word in ("He", "l", "lo")]
    heard: list[Delta] = []

    async def breaks_off(call: Call) -> None:
        await call.begin()
        await call.event(said("Hello", logprobs={"content": told}))
        await call.cut()

    async with upstream(breaks_off) as server, engine(server) as remote:
        prepared = await remote.prepare(request(logprobs=True))
        with pytest.raises(Exception, match="went away"):
            await read(remote, prepared, heard)
    assert heard[-1].completion_tokens == 3


async def test_a_thought_that_is_not_shown_is_counted() -> None:
    async def thinks(call: Call) -> None:
        await call.begin()
        for word in ("Hm", "…"):
            await call.event({"choices": [{"index": 0, "delta": {"reasoning": word}}]})
        await call.event(said("Hello"))
        await call.event(finished())
        await call.end()

    async with upstream(thinks) as server, engine(server, options="usage=pieces") as remote:
        assert (await generated(remote))[-1].completion_tokens == 3
