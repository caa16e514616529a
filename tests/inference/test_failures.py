"""Engines that refuse, break down or fall silent: the right status, no charge without tokens."""

import json
from collections.abc import AsyncIterator, Sequence

import pytest
from asgiref.sync import sync_to_async

from inference.engines.base import Delta, GenerationRequest, Prepared
from inference.engines.scripted import ScriptedEngine
from tests.inference.asgi import Call, Tenant
from tests.inference.conftest import Fund, balance, cost, only_hold


def last_error(call: Call) -> dict[str, object]:
    """The error event that a stream ended with; asserts that nothing came after it."""
    assert call.messages[-1]["more_body"] is False
    *_, last, nothing = call.raw.decode().split("\n\n")
    assert nothing == ""
    error: dict[str, object] = json.loads(last.removeprefix("data: "))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("script", "code"),
    [
        ("#words=5 #fail=0", "generation_failed"),
        ("#words=5 #vanish=0", "model_unavailable"),
        ("#overload", "server_overloaded"),
    ],
)
async def test_a_failure_before_the_first_token_is_a_503_and_free(
    ada: Tenant, script: str, code: str, stream: bool
) -> None:
    call = await ada.ask(script, stream=stream)
    assert (call.status, call.error["code"]) == (503, code)
    assert int(call.answer_headers["retry-after"]) >= 1
    assert (await only_hold()).state == "voided"
    assert await balance(ada) == (10**9, 0)


@pytest.mark.parametrize("script", ["#words=9 #fail=3", "#words=9 #vanish=3"])
async def test_a_later_failure_ends_the_stream_with_an_error_and_pays_what_came(
    ada: Tenant, script: str
) -> None:
    call = await ada.ask(script, stream=True)
    assert call.status == 200
    assert last_error(call)["type"] == "server_error"
    assert b"[DONE]" not in call.raw
    assert call.raw.count(b'"content":" w') == 2
    hold = await only_hold()
    assert (hold.state, hold.finish_reason) == ("settled", "error")
    assert hold.charged == cost(2, 3)


async def test_a_later_failure_of_an_answer_in_one_piece_is_free(ada: Tenant) -> None:
    call = await ada.ask("#words=9 #fail=3")
    assert call.status == 503
    assert (await only_hold()).state == "voided"
    assert await balance(ada) == (10**9, 0)


async def test_one_failing_prompt_of_several_fails_the_call(ada: Tenant) -> None:
    prompts = ["#words=3", "#words=9 #vanish=0"]
    call = await ada.call(path="/v1/completions", prompt=prompts).finished()
    assert (call.status, call.error["code"]) == (503, "model_unavailable")
    assert (await only_hold()).state == "voided"


async def test_what_the_engine_refuses_is_a_400_that_names_the_parameter(ada: Tenant) -> None:
    call = await ada.ask("#reject=logit_bias")
    assert (call.status, call.error["param"]) == (400, "logit_bias")
    assert call.error["type"] == "invalid_request_error"


async def test_a_prompt_longer_than_the_context_window_is_a_400(ada: Tenant) -> None:
    call = await ada.ask("word " * 9000)
    assert (call.status, call.error["code"]) == (400, "context_length_exceeded")
    assert "8192" in str(call.error["message"])


@pytest.mark.parametrize("stream", [False, True])
async def test_what_nobody_foresaw_is_a_500_that_tells_nothing(
    ada: Tenant, monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    async def explode(self: object, prepared: Prepared, most: int) -> AsyncIterator[list[Delta]]:
        raise KeyError("/secret/path")
        yield []

    monkeypatch.setattr(ScriptedEngine, "generate", explode)
    call = await ada.ask(stream=stream)
    assert (call.status, call.error["code"]) == (500, "internal_error")
    assert b"secret" not in call.raw
    assert b"KeyError" not in call.raw
    assert (await only_hold()).state == "voided"


async def test_an_engine_that_falls_silent_has_failed(
    ada: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fall_silent(
        self: object, prepared: Prepared, most: int
    ) -> AsyncIterator[Sequence[Delta]]:
        yield [Delta(0, "half", 1)]

    monkeypatch.setattr(ScriptedEngine, "generate", fall_silent)
    call = await ada.ask(stream=True)
    assert last_error(call)["code"] == "generation_failed"
    assert (await only_hold()).charged == cost(2, 1)


async def test_what_no_money_can_be_held_for_is_dropped_by_the_engine(
    fund: Fund, money: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would keep them, and the processes of their forms, for a minute."""
    dropped: list[str] = []

    class Noted(Prepared):
        def drop(self) -> None:
            dropped.append(self.request.id)

    async def prepare(self: object, request: GenerationRequest) -> Prepared:
        return Noted(request, 2, 100)

    monkeypatch.setattr(ScriptedEngine, "prepare", prepare)
    poor = await sync_to_async(fund)("Poor", nano=0)
    call = await poor.call(path="/v1/completions", prompt=["one two", "three four"]).finished()
    assert (call.status, call.error["code"]) == (403, "insufficient_balance")
    assert len(dropped) == 2
