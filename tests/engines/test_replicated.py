"""Several processes as one engine: who is asked, what moves when one is gone, what never does."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

import pytest

from inference.engines import replicas
from inference.engines.base import (
    Classified,
    Delta,
    Embedded,
    EngineError,
    EngineInfo,
    EngineOverloaded,
    EngineUnavailable,
    GenerationFailed,
    GenerationRequest,
    InvalidGeneration,
    Prepared,
    SamplingParams,
    Text,
    Tokenised,
)
from inference.engines.local import sockets
from inference.engines.local.frames import EngineHealth
from inference.engines.local.replicated import ReplicatedEngine
from tests.patience import soon

REQUEST = GenerationRequest("r", "m", SamplingParams(), prompt="hello")
GONE = EngineUnavailable("This model's engine went away.")


class Process:
    """Says two words; `fault` comes before them, `fault_later` between; `held` keeps them back."""

    def __init__(self, name: str, prompt_tokens: int = 3) -> None:
        self.name = name
        self.prompt_tokens = prompt_tokens
        self.fault: EngineError | None = None
        self.fault_later: EngineError | None = None
        self.status = "ok"
        self.asked = asyncio.Event()
        self.held: asyncio.Event | None = None
        self.generations = self.running = 0

    async def prepare(self, request: GenerationRequest) -> Prepared:
        return Prepared(request, self.prompt_tokens, 100)

    async def generate(self, prepared: Prepared, max_tokens: int) -> AsyncIterator[Sequence[Delta]]:
        self.generations += 1
        self.running += 1
        self.asked.set()
        try:
            if self.held is not None:
                await self.held.wait()
            if self.fault is not None:
                raise self.fault
            yield [Delta(0, self.name, 1)]
            if self.fault_later is not None:
                raise self.fault_later
            yield [Delta(0, "!", 2, "stop")]
        finally:
            self.running -= 1

    async def tokenise(self, texts: Sequence[Text]) -> Tokenised:
        raise NotImplementedError

    async def embed(self, texts: Sequence[Text], *, tenant: str = "") -> Embedded:
        if self.fault is not None:
            raise self.fault
        return Embedded([], self.prompt_tokens)

    async def classify(self, texts: Sequence[Text], *, tenant: str = "") -> Classified:
        raise NotImplementedError

    async def info(self) -> EngineInfo:
        return EngineInfo(self.name, 100, 0, 0, "", "")

    async def health(self) -> EngineHealth:
        if self.status == "gone":
            raise GONE
        return EngineHealth(self.status, 0.0, 0, 1, 0, 0)

    async def close(self) -> None: ...


async def text(engine: ReplicatedEngine, heard: list[Delta] | None = None) -> str:
    found = [] if heard is None else heard
    async for batch in engine.generate(await engine.prepare(REQUEST), 10):
        found += batch
    return "".join(delta.text for delta in found)


def one_of(*processes: Process) -> ReplicatedEngine:
    return ReplicatedEngine({process.name: process for process in processes})


async def test_calls_go_to_whoever_has_least_to_do() -> None:
    busy, idle = Process("busy"), Process("idle")
    busy.held = asyncio.Event()
    engine = one_of(busy, idle)
    held = []
    while not busy.generations:
        held.append(asyncio.create_task(text(engine)))
        await asyncio.sleep(0)
    before = busy.generations
    assert [await text(engine) for _ in range(6)] == ["idle!"] * 6
    assert busy.generations == before
    busy.held.set()
    await asyncio.gather(*held)
    assert [replica.outstanding for replica in engine.replicas.all] == [0, 0]
    await engine.close()


@pytest.mark.parametrize(
    "fault", [GONE, EngineOverloaded("full"), GenerationFailed("no")], ids=type
)
async def test_before_its_first_token_an_answer_moves(fault: EngineError) -> None:
    ill, well = Process("ill"), Process("well")
    ill.fault = fault
    engine = one_of(ill, well)
    assert [await text(engine) for _ in range(4)] == ["well!"] * 4
    assert ill.generations
    assert await engine.embed(["a"]) == Embedded([], 3)
    await engine.close()


async def test_what_can_never_work_is_not_tried_elsewhere() -> None:
    one, two = Process("one"), Process("two")
    one.fault = two.fault = InvalidGeneration("Send less.", "prompt")
    engine = one_of(one, two)
    with pytest.raises(InvalidGeneration, match="Send less"):
        await text(engine)
    assert one.generations + two.generations == 1
    await engine.close()


async def test_once_it_has_begun_nobody_else_is_asked() -> None:
    one, two = Process("one"), Process("two")
    one.fault_later = two.fault_later = GONE
    engine, heard = one_of(one, two), list[Delta]()
    with pytest.raises(EngineUnavailable, match="went away"):
        await text(engine, heard)
    assert [delta.text for delta in heard] in (["one"], ["two"])
    assert one.generations + two.generations == 1
    await engine.close()


@pytest.mark.parametrize("status", ["stuck", "gone"])
async def test_what_waits_at_one_that_no_longer_steps_moves_and_its_streams_go_on(
    status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "CHECK_SECONDS", 0.01)
    ill, well = Process("ill"), Process("well")
    engine = one_of(ill, well)
    begun = engine.generate(await engine.prepare(REQUEST), 10)
    while [delta.text for delta in await anext(begun)] != ["ill"]:
        begun = engine.generate(await engine.prepare(REQUEST), 10)
    ill.held, well.held = asyncio.Event(), asyncio.Event()
    ill.asked.clear()
    waiting = [asyncio.create_task(text(engine)) for _ in range(4)]
    await soon(ill.asked.wait())
    ill.status = status
    await asyncio.sleep(0.05)
    well.held.set()
    assert await soon(asyncio.gather(*waiting)) == ["well!"] * 4
    assert [delta.text for delta in await anext(begun)] == ["!"]
    with suppress(StopAsyncIteration):
        await anext(begun)
    ill.held, ill.status = None, "ok"
    await asyncio.sleep(0.05)
    assert {await text(engine) for _ in range(4)} == {"ill!", "well!"}
    await engine.close()


async def test_one_that_counts_otherwise_is_another_model_and_gets_nothing() -> None:
    one, other = Process("one"), Process("other", prompt_tokens=4)
    engine = one_of(one, other)
    prepared = await engine.prepare(REQUEST)
    gone = one if prepared.prompt_tokens == one.prompt_tokens else other
    gone.fault = GONE
    with pytest.raises(EngineUnavailable, match="differ"):
        await anext(engine.generate(prepared, 10))
    assert one.generations + other.generations == 1
    await engine.close()


async def test_leaving_ends_the_stream_there() -> None:
    process, other = Process("one"), Process("other")
    engine = one_of(process, other)
    stream = engine.generate(await engine.prepare(REQUEST), 10)
    await anext(stream)
    assert process.running + other.running == 1
    await stream.aclose()  # type: ignore[attr-defined]  # it is a generator
    assert process.running + other.running == 0
    assert [replica.outstanding for replica in engine.replicas.all] == [0, 0]
    await engine.close()


async def test_all_that_one_death_cuts_off_are_one_rest() -> None:
    replica = replicas.Replica("a")
    for _ in range(20):
        replica.failed()
    assert not replica.ready
    replica._rests_until -= replicas.FIRST_REST
    assert replica.ready, "after the first rest, not the longest"
    replica.chosen()
    assert not replica.ready
    replica._rests_until -= replicas.FIRST_REST
    assert not replica.ready, "the next one is longer"
    for _ in range(20):
        replica.chosen()
    replica._rests_until -= replicas.LONGEST_REST
    assert replica.ready, "but has an end"


async def test_who_has_least_to_do_and_cannot_do_it_is_asked_once() -> None:
    idle, *busy = (Process(name) for name in ("idle", "busy", "busier"))
    idle.fault = GONE
    engine = one_of(idle, *busy)
    for replica in engine.replicas.all[1:]:
        replica.took()
    assert await text(engine) in ("busy!", "busier!")
    assert idle.generations == 1
    await engine.close()


async def test_one_that_was_down_is_ready_as_soon_as_it_answers() -> None:
    replica = replicas.Replica("a")
    for _ in range(5):
        replica.failed()
        replica.answered_check(well=False)
    replica.answered_check(well=True)
    assert replica.ready


async def test_both_ends_of_a_connection_notice_a_host_that_is_gone() -> None:
    accepted = asyncio.get_running_loop().create_future()

    class Listening(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            accepted.set_result(transport)

    server = await sockets.listen("tcp:127.0.0.1:0", Listening)
    port = server.sockets[0].getsockname()[1]
    near, _ = await sockets.connect(f"tcp:127.0.0.1:{port}", asyncio.Protocol)
    for end in (near, await soon(accepted)):
        connection = end.get_extra_info("socket")
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        for name, value in sockets.GONE.items():
            assert connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value
        end.close()
    server.close()
