"""Time limits of a Run: for the first token, for the whole, and for a server that stops."""

import pytest

from inference import runs
from inference.runs import run
from tests.inference.asgi import Tenant
from tests.inference.conftest import balance, cost, only_hold
from tests.inference.test_failures import last_error
from tests.patience import soon


@pytest.mark.parametrize("stream", [False, True])
async def test_a_late_answer_is_cut_like_one_that_met_its_limit(
    ada: Tenant, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    monkeypatch.setattr(run, "RUN_SECONDS", 0.2)
    call = await ada.ask("#words=500 #pace=10", stream=stream, max_tokens=500, n=2)
    answer = call.events[-1] if stream else call.json
    assert call.status == 200
    assert answer["choices"][-1]["finish_reason"] == "length"
    hold = await only_hold()
    assert (hold.state, hold.finish_reason) == ("settled", "length")
    assert 2 <= hold.completion_tokens < 100
    assert hold.charged == cost(2, hold.completion_tokens)


async def test_an_answer_that_does_not_begin_is_refused_and_free(
    ada: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "FIRST_TOKEN_SECONDS", 0.1)
    call = await ada.ask("#words=5 #pace=5000", stream=True)
    assert (call.status, call.error["code"]) == (503, "server_overloaded")
    assert "retry-after" in call.answer_headers
    assert (await only_hold()).state == "voided"
    assert await balance(ada) == (10**9, 0)


async def test_a_stopping_server_waits_for_its_runs(ada: Tenant) -> None:
    call = ada.call("#words=20 #pace=5", stream=True)
    await call.came(3)
    await runs.drain(5)
    await call.finished()
    assert call.events[-1]["choices"][0]["finish_reason"] == "stop"


async def test_a_run_that_outlasts_the_drain_is_cut_and_settled(ada: Tenant) -> None:
    call = ada.call("#words=2000 #pace=5", stream=True, max_tokens=2000)
    await call.came(3)
    await soon(runs.drain(0.1))
    await call.finished()
    assert "shutting down" in str(last_error(call)["message"])
    hold = await only_hold()
    assert hold.state == "settled"
    assert hold.charged == cost(2, hold.completion_tokens)
