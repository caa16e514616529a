"""The engine on a real Ray cluster: replicas come, go, are killed, hold what is asked."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from inference import catalog
from inference.engines.base import EngineError, GenerationRequest, Message, SamplingParams
from inference.engines.local.client import LocalEngine
from inference.models import ServedModel
from tests.inference.asgi import Tenant
from tests.inference.conftest import balance, cost, only_hold
from tests.patience import PATIENCE
from tests.running import ROOT

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = [
    pytest.mark.xdist_group("ray"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of sockets and old names
]
LONG = 400  # tokens
MODEL = "scripted"  # the id that the tenants of these tests have a price for


WEIGHTS = str(ROOT / "inference/builtin/weights")
SOON = {"upscale_delay_s": 0.5, "downscale_delay_s": 2, "metrics_interval_s": 0.2}


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """Of this machine alone."""
    from ray import serve  # noqa: PLC0415 - only here is it certain that there is Ray

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    yield
    serve.shutdown()
    ray.shutdown()


@contextmanager
def running(name: str, *models: str, **options: float) -> Iterator[str]:
    from ray import serve  # noqa: PLC0415 - as above

    from inference.engines.rayserve.deployment import build  # noqa: PLC0415 - as above

    folders = dict.fromkeys(models, WEIGHTS)
    serve.run(build(folders, **options), name=name, route_prefix=None)  # type: ignore[arg-type]  # whole numbers
    yield name
    serve.delete(name)


@pytest.fixture(scope="module")
def application(cluster: None) -> Iterator[str]:
    with running("builtin", MODEL, least=2, most=2) as name:
        yield name


@pytest.fixture
def engine(application: str) -> Any:
    return at(application)


def at(application: str) -> Any:
    from inference.engines.rayserve.engine import RayEngine  # noqa: PLC0415 - as above

    return RayEngine(application, 2048)


def asking(model: str = MODEL, n: int = 1) -> GenerationRequest:
    sampling = SamplingParams(temperature=0.0, ignore_eos=True, n=n)
    return GenerationRequest("g", model, sampling, messages=(Message("user", "Hi"),))


async def streamed(
    engine: Any, most: int, heard: asyncio.Event | None = None, model: str = MODEL
) -> int | str:
    """How many tokens came, or the name of what went wrong."""
    request = asking(model)
    last = 0
    try:
        async for batch in engine.generate(await engine.prepare(request), most):
            last = batch[-1].completion_tokens
            if heard:
                heard.set()
    except EngineError as error:
        return type(error).__name__
    return last


async def test_streams_go_through_the_gateway_and_are_paid(ada: Tenant, application: str) -> None:
    rows = ServedModel.objects.filter(id=MODEL)
    await sync_to_async(rows.update)(engine=f"ray://{application}", context_window=2048)
    catalog.forget()
    call = await ada.ask(
        "What is the capital of France?",
        stream=True,
        temperature=0,
        stream_options={"include_usage": True},
    )
    said = "".join(
        choice["delta"].get("content") or "" for event in call.events for choice in event["choices"]
    )
    usage = call.events[-1]["usage"]
    assert "Paris" in said
    assert (await only_hold()).charged == cost(usage["prompt_tokens"], usage["completion_tokens"])
    assert (await balance(ada))[1] == 0


async def test_a_killed_replica_takes_only_its_own_streams_along(engine: Any) -> None:
    heard = [asyncio.Event() for _ in range(8)]
    running = [asyncio.create_task(streamed(engine, LONG, one)) for one in heard]
    for one in heard:
        await asyncio.wait_for(one.wait(), 60)
    os.kill(replicas("builtin")[0], signal.SIGKILL)
    waiting = [asyncio.create_task(streamed(engine, 5)) for _ in range(4)]
    ends = Counter(await asyncio.wait_for(asyncio.gather(*running), 120))
    assert ends.keys() == {LONG, "EngineUnavailable"}
    assert await asyncio.wait_for(asyncio.gather(*waiting), 120) == [5] * 4


async def test_what_a_step_gave_all_of_an_answer_comes_as_one_list(engine: Any) -> None:
    prepared = await engine.prepare(asking(n=4))
    steps = [batch async for batch in engine.generate(prepared, 30)]
    assert len(steps) <= 2 * 30, "four choices of thirty tokens"
    assert Counter(len(batch) for batch in steps).most_common(1)[0][0] == 4


async def test_who_leaves_stops_the_engine_that_answers(engine: Any) -> None:
    stream = engine.generate(await engine.prepare(asking()), 1900)
    await anext(stream)
    await stream.aclose()
    found = [LocalEngine(address) for address in engines(MODEL)]
    async with asyncio.timeout(PATIENCE):
        while sum([(await one.health()).running for one in found]):  # noqa: ASYNC110 - as below
            await asyncio.sleep(0.05)
    for one in found:
        await one.close()


async def test_replicas_come_with_the_calls_and_go_with_them(cluster: None) -> None:
    with running("growing", MODEL, least=1, most=2, target=1, **SOON) as name:
        growing = at(name)
        assert len(replicas(name)) == 1
        calls = [asyncio.create_task(streamed(growing, 1900)) for _ in range(8)]
        await until(lambda: len(replicas(name)) == 2)
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
        await until(lambda: len(replicas(name)) == 1)


async def test_a_replica_holds_the_models_that_were_asked_for_last(cluster: None) -> None:
    with running("several", "a", "b", "c", "d") as name:
        several = at(name)
        for model in ("a", "b", "c", "a", "d"):
            assert await streamed(several, 2, model=model) == 2
        await until(lambda: [model for model in "abcd" if engines(model)] == ["a", "c", "d"])
        assert await streamed(several, 2, model="e") == "EngineUnavailable"


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(2 * PATIENCE):
        while not true():  # noqa: ASYNC110 - processes tell nobody
            await asyncio.sleep(0.1)


def replicas(application: str) -> list[int]:
    """Their processes, as Ray names them."""
    mark = f"ray::ServeReplica:{application}:"
    return [pid for pid, words in commands() if words[0].startswith(mark)]


def engines(model: str) -> list[str]:
    """Where the processes of a model listen."""
    return [
        words[words.index("--listen") + 1]
        for _, words in commands()
        if "--listen" in words and words[words.index("--name") + 1] == model
    ]


def commands() -> Iterator[tuple[int, list[str]]]:
    """Every process that there is now."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            yield int(file.parent.name), file.read_text().split("\0")
