"""Which server is asked: the one with least to do, never an ill one; and how it is spoken to."""

import asyncio

import pytest

from inference.engines import replicas
from inference.engines.base import EngineOverloaded, EngineUnavailable, GenerationFailed
from inference.engines.remote import RemoteAddress, RemoteEngine, checking
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
    refuses_to_speak,
    request,
    said,
    text,
    two_words,
    upstream,
)
from tests.patience import PATIENCE, soon


@pytest.mark.parametrize(
    "fault", [bad_gateway, refuses_to_speak, no_key], ids=lambda fault: fault.__name__
)
async def test_a_broken_server_is_left_alone_and_one_request_tries_it_again(
    fault: Script, caplog: pytest.LogCaptureFixture
) -> None:
    async with upstream(fault) as ill, engine(ill) as remote:
        for _ in range(10):
            with pytest.raises(EngineUnavailable):
                await generated(remote)
        assert len(ill.generations) == replicas.FAILURES
        assert caplog.messages == ["remote_engine_failed"] * replicas.FAILURES
        ill.script = two_words
        _an_hour_later(remote)
        tries = await asyncio.gather(*(generated(remote) for _ in range(5)), return_exceptions=True)
        assert sum(isinstance(one, list) for one in tries) == 1
        assert text(await generated(remote)) == "Hello you"


def _an_hour_later(remote: RemoteEngine) -> None:
    for replica in remote.replicas.all:
        replica._rests_until = 0.0


@pytest.mark.parametrize("fault", [fails, full, no_json], ids=lambda fault: fault.__name__)
async def test_failures_of_single_requests_do_not_make_a_server_look_ill(fault: Script) -> None:
    async with upstream(fault) as ill, engine(ill) as remote:
        for _ in range(10):
            with pytest.raises((GenerationFailed, EngineOverloaded)):
                await generated(remote)
    assert len(ill.generations) == 10


async def test_leaving_closes_the_servers_stream_at_once() -> None:
    async with upstream(silent_after_its_first_word) as server, engine(server) as remote:
        started = remote.generate(await remote.prepare(request()), 50)
        await anext(started)
        await started.aclose()  # type: ignore[attr-defined]  # it is a generator
        await soon(server.generations[0].left.wait())
        waiting = asyncio.create_task(generated(remote))
        await server.asked(2)
        waiting.cancel()
        await soon(server.generations[1].left.wait())
        assert [replica.outstanding for replica in remote.replicas.all] == [0]


async def silent_after_its_first_word(call: Call) -> None:
    await call.begin()
    await call.event(said("Hello"))
    await asyncio.sleep(3600)


async def test_who_was_ill_when_nobody_asked_any_more_is_asked_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replicas, "CHECK_SECONDS", 0.01)
    async with upstream() as server, engine(server) as remote:
        (replica,) = remote.replicas.all
        await generated(remote)
        server.health = 503
        async with asyncio.timeout(PATIENCE):
            while replica.ready:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        monkeypatch.setattr(replicas, "IDLE_SECONDS", 0.0)
        assert remote.replicas._checking is not None
        await soon(remote.replicas._checking)
        server.health = 200
        assert text(await generated(remote)) == "Hello you"


@pytest.mark.parametrize(
    ("engine_is", "list_is", "ready"),
    [(503, 200, False), (200, 200, True), (404, 200, True), (None, 200, True), (None, 503, False)],
)
async def test_a_door_that_is_open_is_not_enough_where_the_engine_behind_it_is_dead(
    engine_is: int | None, list_is: int, ready: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GET /health of vLLM, SGLang, transformers serve; others do not know it, or take long."""
    monkeypatch.setattr(checking, "HEALTH_SECONDS", 0.05)
    monkeypatch.setattr(replicas, "MISSED_CHECKS", 1)
    async with upstream() as server, engine(server) as remote:
        (replica,) = remote.replicas.all
        server.engine, server.health = engine_is, list_is
        replica.answered_check(well=await remote.replicas.answers(replica))
        assert replica.ready == ready
    asked = {call.path for call in server.calls}
    assert asked == ({"/health", "/v1/models"} if engine_is != 503 else {"/health"})


async def test_connections_are_used_again() -> None:
    async with upstream() as server, engine(server) as remote:
        for _ in range(5):
            await generated(remote)
    assert len({call.connection for call in server.generations}) == 1


async def test_whoever_has_least_to_do_is_asked() -> None:
    async with (
        upstream(silent_after_its_first_word) as slow,
        upstream() as quick,
        engine(slow, quick) as remote,
    ):
        held = []
        while not slow.generations:
            held.append(remote.generate(await remote.prepare(request()), 50))
            await anext(held[-1])
        before = len(slow.generations)
        for _ in range(6):
            await generated(remote)
        assert len(slow.generations) == before
        for one in held:
            await one.aclose()  # type: ignore[attr-defined]  # it is a generator


async def test_the_key_goes_with_every_call_and_without_it_nothing_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("THEIR_KEY", "sk-theirs")
    async with upstream() as server, engine(server, options="key_env=THEIR_KEY") as remote:
        await generated(remote)
    assert {call.headers["authorization"] for call in server.calls} == {"Bearer sk-theirs"}

    monkeypatch.delenv("THEIR_KEY")
    with pytest.raises(EngineUnavailable, match="key"):
        RemoteEngine(RemoteAddress.read("http://a/v1 key_env=THEIR_KEY"), 1000)


async def test_no_redirect_and_no_proxy_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    async with upstream() as elsewhere:

        async def redirect(call: Call) -> None:
            await call.answer(307, {}, location=f"{elsewhere.url}/chat/completions")

        monkeypatch.setenv("HTTP_PROXY", elsewhere.url)
        async with upstream(redirect) as server, engine(server) as remote:
            with pytest.raises(EngineUnavailable):
                await generated(remote)
        assert not elsewhere.calls


async def test_an_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference.engines.remote.answer.MOST_BYTES", 10_000)

    async def endless(call: Call) -> None:
        await call.begin()
        while True:
            await call.event(said("x" * 1000))

    async with upstream(endless) as server, engine(server) as remote:
        with pytest.raises(GenerationFailed, match="too large"):
            await generated(remote)


async def test_who_speaks_is_well_and_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with servers that do one thing at a time."""

    async def slow(call: Call) -> None:
        await call.begin()
        for _ in range(30):
            await call.event(said("word "))
            await asyncio.sleep(0.02)
        await call.event(finished())
        await call.event({"choices": [], "usage": USAGE})
        await call.end()

    monkeypatch.setattr(replicas, "CHECK_SECONDS", 0.1)
    async with upstream(slow) as server, engine(server) as remote:
        (replica,) = remote.replicas.all
        server.health = 503
        stream = asyncio.create_task(generated(remote))
        await server.asked(1)
        await asyncio.sleep(0.4)
        assert replica.ready
        await stream
        await asyncio.sleep(0.5)
        assert not replica.ready
