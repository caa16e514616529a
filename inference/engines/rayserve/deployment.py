"""What runs on the cluster: replicas that own engine processes, one for each model they hold.

    serve.run(build({"mini": "/srv/models/mini"}, least=2, most=8), name="ours", route_prefix=None)

What a step gave goes over as one list: an item for each token would cost a hundred times as much.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from ray import serve
from ray.serve import Application

from inference.engines.base import EngineError, EngineUnavailable
from inference.engines.counting import counted
from inference.engines.local import frames
from inference.engines.local.client import LocalEngine

MODELS_EACH: Final = 3  # that one replica holds; the one that was asked for longest ago goes first
LOADING_SECONDS: Final = 300.0
AT_ONCE: Final = 256
Item = list[Any] | dict[str, Any]
"""The deltas of a step, as frames; or what went wrong, which is always the last item."""


class Process:
    """An engine process of this replica; it ends with it, and when Ray lets go of the model."""

    def __init__(self, model_id: str, folder: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="smarter-ray-")
        place = Path(self._folder.name) / "engine.sock"
        self._process = subprocess.Popen(  # noqa: S603 - our own program; no shell reads the words
            [
                sys.executable, "-m", "inference.engines.local", "--die-with-parent",
                "--model", folder, "--name", model_id, "--listen", f"unix:{place}",
            ],
        )  # fmt: skip
        self.engine = LocalEngine(f"unix:{place}")

    async def ready(self) -> None:
        """Raises EngineUnavailable."""
        end = time.monotonic() + LOADING_SECONDS
        while time.monotonic() < end and self._process.poll() is None:
            try:
                await self.engine.info()
            except EngineUnavailable:
                await asyncio.sleep(0.2)
            else:
                return
        raise EngineUnavailable("The engine of this model does not start.")

    def __del__(self) -> None:
        self._process.terminate()
        self._folder.cleanup()


class Replica:
    def __init__(self, models: dict[str, str]) -> None:
        self._models = models

    async def models(self) -> list[str]:
        return sorted(self._models)

    async def prepare(self, request: list[Any]) -> dict[str, Any]:
        try:
            asked = frames.to_request(request)
            prepared = await counted((await self._loaded(asked.model)).engine, asked)
        except EngineError as error:
            return {"error": frames.from_error(error)}
        return {"prompt_tokens": prepared.prompt_tokens, "max_output": prepared.max_output}

    async def generate(self, request: list[Any], max_tokens: int) -> AsyncIterator[Item]:
        """It may be another replica than the one that has counted: the prompt is read again."""
        try:
            asked = frames.to_request(request)
            engine = (await self._loaded(asked.model)).engine
            prepared = await engine.prepare(asked)
            async for batch in engine.generate(prepared, max_tokens):
                yield [frames.from_delta(0, delta) for delta in batch]
        except EngineError as error:
            yield {"error": frames.from_error(error)}

    @serve.multiplexed(max_num_models_per_replica=MODELS_EACH)  # type: ignore[untyped-decorator]  # Ray has no types here
    async def _loaded(self, model_id: str) -> Process:
        if model_id not in self._models:
            raise EngineUnavailable("This application does not serve that model.")
        process = Process(model_id, self._models[model_id])
        await process.ready()
        return process


def build(
    models: dict[str, str],
    *,
    least: int = 1,
    most: int = 1,
    target: int = 32,
    gpus: float = 0,
    **pace: float,
) -> Application:
    """`models`: folders by id, on every node; from `least` to `most` replicas, one more for every
    `target` requests at once; `gpus` for each. `pace` is how soon their number follows the calls,
    as Ray names it: `upscale_delay_s` (30), `downscale_delay_s` (600), and so on."""
    deployment = serve.deployment(
        name="engine",
        max_ongoing_requests=AT_ONCE,
        autoscaling_config={
            "min_replicas": least,
            "max_replicas": most,
            "target_ongoing_requests": target,
            **pace,
        },
        ray_actor_options={"num_cpus": 1, "num_gpus": gpus},
    )(Replica)
    return deployment.bind(models)


def application(options: dict[str, Any]) -> Application:
    """`build`, as a file of Ray Serve's names it: `import_path` with `args`."""
    return build(**options)
