"""The engine on a Ray cluster: two replicas, streams through the gateway, one of them killed."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from inference import catalog
from inference.engines.base import EngineError, GenerationRequest, Message, SamplingParams
from inference.models import ServedModel
from tests.inference.asgi import Tenant
from tests.inference.conftest import balance, cost, only_hold
from tests.running import ROOT

ray = pytest.importorskip("ray", reason="the extra `ray` is not installed")
pytestmark = [
    pytest.mark.xdist_group("ray"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of sockets and old names
]
LONG = 400  # tokens
MODEL = "scripted"  # the id that the tenants of these tests have a price for


@pytest.fixture(scope="module")
def application() -> Iterator[str]:
    """On a cluster of this machine alone."""
    from ray import serve  # noqa: PLC0415 - only here is it certain that there is Ray

    from inference.engines.rayserve.deployment import build  # noqa: PLC0415 - as above

    ray.init(num_cpus=4, include_dashboard=False, log_to_driver=False)
    weights = str(ROOT / "inference/builtin/weights")
    serve.run(build({MODEL: weights}, least=2, most=2), name="builtin", route_prefix=None)
    yield "builtin"
    serve.shutdown()
    ray.shutdown()


@pytest.fixture
async def engine(application: str) -> Any:
    from inference.engines.rayserve.engine import RayEngine  # noqa: PLC0415 - as above

    return RayEngine(application, 2048)


async def streamed(engine: Any, most: int, heard: asyncio.Event | None = None) -> int | str:
    """How many tokens came, or the name of what went wrong."""
    sampling = SamplingParams(temperature=0.0, ignore_eos=True)
    request = GenerationRequest("g", MODEL, sampling, messages=(Message("user", "Hi"),))
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
    os.kill(replicas()[0], signal.SIGKILL)
    waiting = [asyncio.create_task(streamed(engine, 5)) for _ in range(4)]
    ends = Counter(await asyncio.wait_for(asyncio.gather(*running), 120))
    assert ends.keys() == {LONG, "EngineUnavailable"}
    assert await asyncio.wait_for(asyncio.gather(*waiting), 120) == [5] * 4


def replicas() -> list[int]:
    """Their processes, as Ray names them."""
    return [
        int(process.parent.name)
        for process in Path("/proc").glob("[0-9]*/cmdline")
        if process.read_bytes().startswith(b"ray::ServeReplica:builtin")
    ]
