"""What a caller asks for reaches the server as it is, and what nobody asked for does not."""

from dataclasses import replace
from typing import Any

import pytest

from inference.engines.base import (
    GenerationRequest,
    InvalidGeneration,
    Message,
    ResponseFormat,
    SamplingParams,
    Tool,
    ToolChoice,
)
from tests.inference.remote.upstream import engine, generated, request, two_words, upstream

EVERYTHING: dict[str, Any] = {
    "temperature": 0.5, "top_p": 0.9, "top_k": 7, "min_p": 0.1, "presence_penalty": 0.2,
    "frequency_penalty": 0.3, "repetition_penalty": 1.1, "seed": 3, "ignore_eos": True,
}  # fmt: skip
TOOLS = (Tool("weather"), Tool("clock"))


async def body(asked: GenerationRequest) -> dict[str, Any]:
    async with upstream(two_words) as server, engine(server) as remote:
        await generated(remote, asked)
    return dict(server.generations[0].body)


async def test_how_tokens_are_chosen_passes_through() -> None:
    sent = await body(request(**EVERYTHING, logit_bias={5: -100.0}, stop=("END",)))
    assert {name: sent[name] for name in EVERYTHING} == EVERYTHING
    assert (sent["logit_bias"], sent["stop"]) == ({"5": -100.0}, ["END"])


async def test_several_choices_are_asked_for_at_once() -> None:
    async with upstream() as server, engine(server) as remote:
        with pytest.raises(Exception, match="ended before"):  # it makes only one
            await generated(remote, request(n=3))
    assert server.generations[0].body["n"] == 3


async def test_log_probabilities_are_asked_for_as_each_road_names_them() -> None:
    wanted: dict[str, Any] = {"logprobs": True, "top_logprobs": 4}
    chat = await body(request(**wanted))
    assert (chat["logprobs"], chat["top_logprobs"]) == (True, 4)
    completion = await body(replace(request(**wanted), prompt="Once", messages=()))
    assert completion["logprobs"] == 4
    assert "top_logprobs" not in completion


async def test_a_text_to_be_filled_in_has_its_end() -> None:
    sent = await body(replace(request(), prompt="Once", messages=(), suffix="the end."))
    assert (sent["prompt"], sent["suffix"]) == ("Once", "the end.")


async def test_token_ids_are_sent_as_they_are() -> None:
    sent = await body(replace(request(), prompt=(5, 6, 7), messages=()))
    assert sent["prompt"] == [5, 6, 7]


async def test_who_speaks_and_any_json_are_told() -> None:
    named = replace(
        request(),
        messages=(Message("user", "Hi", name="ada"),),
        response_format=ResponseFormat(),
    )
    sent = await body(named)
    assert sent["messages"] == [{"role": "user", "content": "Hi", "name": "ada"}]
    assert sent["response_format"] == {"type": "json_object"}


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (ToolChoice(), "auto"),
        (ToolChoice("none"), "none"),
        (ToolChoice("required"), "required"),
        (ToolChoice("required", ("clock",)), {"type": "function", "function": {"name": "clock"}}),
    ],
)
async def test_which_tool_must_be_called_is_told(choice: ToolChoice, told: object) -> None:
    asked = replace(request(), tools=TOOLS, tool_choice=choice, parallel_tool_calls=False)
    sent = await body(asked)
    assert sent["tool_choice"] == told
    assert sent["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in await body(replace(request(), tools=TOOLS))


@pytest.mark.parametrize(
    "choice", [ToolChoice("required", ("weather", "clock")), ToolChoice("auto", ("clock",))]
)
async def test_a_choice_that_other_servers_do_not_know_is_refused_before_anything_is_paid(
    choice: ToolChoice,
) -> None:
    async with upstream() as server, engine(server) as remote:
        with pytest.raises(InvalidGeneration, match="one tool") as refused:
            await remote.prepare(replace(request(), tools=TOOLS, tool_choice=choice))
    assert refused.value.param == "tool_choice"
    assert not server.generations


async def test_vectors_are_made_elsewhere() -> None:
    async with upstream() as server, engine(server) as remote:
        for ask in (remote.tokenise, remote.embed, remote.classify):
            with pytest.raises(InvalidGeneration, match="does not make vectors"):
                await ask(["words"])
    assert not server.calls


async def test_what_nobody_asked_for_is_not_said() -> None:
    sent = await body(GenerationRequest("g", "m", SamplingParams(), (Message("user", "Hi"),)))
    options = {"stream", "stream_options"}
    assert sent.keys() - options == {
        "model", "messages", "temperature", "top_p", "n", "max_tokens",
    }  # fmt: skip
