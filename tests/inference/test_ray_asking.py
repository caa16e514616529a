"""What the gateway asks of a Ray cluster, and what it does when a replica dies: without one."""

import asyncio
import importlib
import sys
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import pytest

from inference.engines.base import (
    Delta,
    EngineOverloaded,
    EngineUnavailable,
    GenerationRequest,
    InvalidGeneration,
    Message,
    SamplingParams,
)
from inference.engines.local import frames

REQUEST = GenerationRequest("g", "mini", SamplingParams(), messages=(Message("user", "Hi"),))
COUNT = {"prompt_tokens": 3, "max_output": 100}
STEP = [[frames.from_delta(0, Delta(index, "a", 1)) for index in range(2)]]
WENT_AWAY = "went away"


class Died(Exception):
    """What Ray raises of a replica that is gone."""


class Refused(Exception):
    """What Ray Serve raises of itself."""


class Full(Refused):
    """Its queue is bounded, and full."""


class Told:
    """The answer of one call: what comes, and perhaps an error at the end."""

    def __init__(self, *items: Any) -> None:
        self.items = items
        self.cancelled = False

    def __aiter__(self) -> AsyncIterator[Any]:
        return self._all()

    async def _all(self) -> AsyncIterator[Any]:
        for item in self.items:
            if isinstance(item, Exception):
                raise item
            yield item

    def cancel(self) -> None:
        self.cancelled = True


class Application:
    """A handle of Ray Serve: `script` is what each call is answered, in order."""

    def __init__(self, *script: Any, models: tuple[str, ...] = ("mini",)) -> None:
        self.script = list(script)
        self.models_told = list(models)
        self.options_of: list[dict[str, Any]] = []
        self.made: list[Told] = []

    def options(self, **chosen: Any) -> "Application":
        self.options_of.append(chosen)
        return self

    def __getattr__(self, verb: str) -> Any:
        return type("Verb", (), {"remote": lambda _self, *said: self._asked(verb)})()

    def _asked(self, verb: str) -> Any:
        if verb == "models":
            return _later(self.models_told)
        answer = self.script.pop(0)
        if verb == "generate":
            self.made.append(answer)
            return answer
        return _later(answer)


async def _later(answer: Any) -> Any:
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The few names of Ray that the engine imports; `found` is the application."""
    names = ("ray", "ray.serve", "ray.exceptions", "ray.serve.exceptions", "ray.serve.handle")
    made: dict[str, Any] = {name: ModuleType(name) for name in names}
    made["ray"].serve = made["ray.serve"]
    made["ray"].is_initialized = lambda: True
    made["ray.exceptions"].RayError = Died
    made["ray.serve.exceptions"].RayServeException = Refused
    made["ray.serve.exceptions"].BackPressureError = Full
    made["ray.serve.handle"].DeploymentHandle = object
    made["ray.serve"].get_app_handle = lambda name: made["ray"].found
    for name, module in made.items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "inference.engines.rayserve.engine", raising=False)
    yield made["ray"]
    sys.modules.pop("inference.engines.rayserve.engine", None)


def engine(ray: Any, application: Application) -> Any:
    ray.found = application
    return importlib.import_module("inference.engines.rayserve.engine").RayEngine("app", 100)


async def heard(made: Any) -> list[list[Delta]]:
    prepared = await made.prepare(REQUEST)
    assert (prepared.prompt_tokens, prepared.max_output) == (3, 100)
    return [list(batch) async for batch in made.generate(prepared, 5)]


async def test_what_a_step_gave_comes_as_one_batch(ray: Any) -> None:
    application = Application(COUNT, Told(*STEP, *STEP))
    assert [len(batch) for batch in await heard(engine(ray, application))] == [2, 2]
    assert {"stream": True} in application.options_of


async def test_before_its_first_token_an_answer_is_asked_for_again(ray: Any) -> None:
    application = Application(COUNT, Told(Died()), Told(Died()), Told(*STEP))
    assert len(await heard(engine(ray, application))) == 1


async def test_it_is_asked_for_three_times_at_most(ray: Any) -> None:
    application = Application(COUNT, *(Told(Died()) for _ in range(5)))
    with pytest.raises(EngineUnavailable, match=WENT_AWAY):
        await heard(engine(ray, application))
    assert len(application.made) == 3


async def test_once_it_has_begun_nobody_else_is_asked(ray: Any) -> None:
    application = Application(COUNT, Told(*STEP, Died()), Told(*STEP))
    with pytest.raises(EngineUnavailable, match=WENT_AWAY):
        await heard(engine(ray, application))
    assert len(application.made) == 1


async def test_a_prompt_is_counted_by_another_replica_when_one_dies_of_it(ray: Any) -> None:
    assert await heard(engine(ray, Application(Died(), Died(), COUNT, Told(*STEP))))
    application = Application(*(Died() for _ in range(5)))
    with pytest.raises(EngineUnavailable, match=WENT_AWAY):
        await heard(engine(ray, application))
    assert len(application.script) == 2


async def test_what_an_engine_refuses_is_told_and_not_tried_again(ray: Any) -> None:
    refusal = {"error": frames.from_error(InvalidGeneration("Send less.", "prompt"))}
    with pytest.raises(InvalidGeneration, match="Send less"):
        await heard(engine(ray, Application(refusal)))
    application = Application(COUNT, Told(refusal), Told(*STEP))
    with pytest.raises(InvalidGeneration, match="Send less"):
        await heard(engine(ray, application))
    assert len(application.made) == 1


async def test_a_full_application_is_busy(ray: Any) -> None:
    with pytest.raises(EngineOverloaded):
        await heard(engine(ray, Application(*(Full() for _ in range(3)))))


async def test_leaving_cancels_the_call(ray: Any) -> None:
    application = Application(COUNT, Told(*STEP, *STEP))
    made = engine(ray, application)
    stream = made.generate(await made.prepare(REQUEST), 5)
    await anext(stream)
    await stream.aclose()
    assert application.made[0].cancelled


@pytest.mark.parametrize(
    ("models", "place"), [(("mini",), {}), (("mini", "big"), {"multiplexed_model_id": "mini"})]
)
async def test_of_several_models_each_is_asked_for_where_it_is_loaded(
    ray: Any, models: tuple[str, ...], place: dict[str, str]
) -> None:
    application = Application(COUNT, Told(*STEP), models=models)
    await heard(engine(ray, application))
    assert application.options_of == [place, {"stream": True, **place}]


async def test_a_cluster_that_is_away_is_looked_for_again(ray: Any) -> None:
    made = engine(ray, Application(COUNT, Told(*STEP)))
    ray.serve.get_app_handle, find = _away, ray.serve.get_app_handle
    with pytest.raises(EngineUnavailable, match="cluster does not answer"):
        await made.info()
    ray.serve.get_app_handle = find
    assert await asyncio.wait_for(heard(made), 5)


def _away(_name: str) -> Any:
    raise ConnectionError
