"""The gateway's side of an application on a Ray cluster: counts, streams, asks once more."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, Final

import ray
from ray import serve
from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, RayServeException
from ray.serve.handle import DeploymentHandle

from inference.engines.base import (
    Delta,
    EngineInfo,
    EngineOverloaded,
    EngineUnavailable,
    GenerationRequest,
    Prepared,
)
from inference.engines.generating import OnlyGenerates
from inference.engines.local import frames

TRIES: Final = 3  # for what has not been counted, or has not begun, when its replica dies
WENT_AWAY: Final = "This model's engine went away."


class RayEngine(OnlyGenerates):
    """`application` is its name on the cluster that RAY_ADDRESS names (default: this machine's)."""

    def __init__(self, application: str, context_window: int) -> None:
        self._application = application
        self._context_window = context_window
        self._handle: DeploymentHandle | None = None
        self._several = False
        self._finding = asyncio.Lock()

    async def prepare(self, request: GenerationRequest) -> Prepared:
        told = await self._counted(request)
        _require_well(told)
        return Prepared(request, told["prompt_tokens"], told["max_output"])

    async def generate(self, prepared: Prepared, max_tokens: int) -> AsyncIterator[Sequence[Delta]]:
        for last in (*[False] * (TRIES - 1), True):
            begun = False
            try:
                async with aclosing(self._streamed(prepared.request, max_tokens)) as batches:
                    async for batch in batches:
                        begun = True
                        yield batch
            except (RayError, RayServeException) as error:
                if begun or last:
                    raise _engine_error(error) from error
            else:
                return

    async def info(self) -> EngineInfo:
        await self._found()
        return EngineInfo(self._application, self._context_window, 0, 0, "unknown", "ray")

    async def close(self) -> None:
        """The cluster stays whoever's it is; the process leaves it when it ends."""

    async def _counted(self, request: GenerationRequest) -> Any:
        handle = (await self._found()).options(**self._place(request))
        left = TRIES
        while True:
            left -= 1
            try:
                return await handle.prepare.remote(frames.from_request(request))
            except (RayError, RayServeException) as error:
                if not left:
                    raise _engine_error(error) from error

    async def _streamed(
        self, request: GenerationRequest, max_tokens: int
    ) -> AsyncGenerator[Sequence[Delta], None]:
        handle = (await self._found()).options(stream=True, **self._place(request))
        told = handle.generate.remote(frames.from_request(request), max_tokens)
        over = False
        try:
            async for item in told:
                _require_well(item)
                yield [frames.to_delta(list(content)) for content in item]
            over = True
        finally:
            if not over:
                told.cancel()

    def _place(self, request: GenerationRequest) -> dict[str, str]:
        """Of several models each is asked for where it is loaded; one alone goes to whoever has
        least to do."""
        return {"multiplexed_model_id": request.model} if self._several else {}

    async def _found(self) -> DeploymentHandle:
        async with self._finding:
            if self._handle is None:
                try:
                    handle = await asyncio.to_thread(_handle, self._application)
                    self._several = len(await handle.models.remote()) > 1
                    self._handle = handle
                except (RayError, RayServeException, ConnectionError) as error:
                    raise EngineUnavailable("This model's cluster does not answer.") from error
            return self._handle


def _handle(application: str) -> DeploymentHandle:
    if not ray.is_initialized():
        address = os.environ.get("RAY_ADDRESS", "auto")
        ray.init(address=address, log_to_driver=False, configure_logging=False)
    return serve.get_app_handle(application)


def _require_well(told: Any) -> None:
    if isinstance(told, dict) and (error := told.get("error")):
        raise frames.to_error(*error)


def _engine_error(error: Exception) -> EngineOverloaded | EngineUnavailable:
    if isinstance(error, BackPressureError):
        return EngineOverloaded("This model's engines are busy. Try again.")
    return EngineUnavailable(WENT_AWAY)
