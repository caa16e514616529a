"""Hostile and mistaken parameters: one refusal in OpenAI's words, quickly, and nothing ignored."""

import time
from typing import Any

import pytest

from api.errors import InvalidRequest
from inference.schemas.chat_completions import ChatCompletionRequest
from inference.schemas.completions import CompletionRequest
from inference.schemas.refusals import parse

HELLO = [{"role": "user", "content": "Hello"}]
PART = {"type": "text", "text": "x"}
FIELDS = {
    *("audio", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs"),
    *("max_completion_tokens", "max_tokens", "messages", "metadata", "modalities", "model"),
    *("moderation", "n", "parallel_tool_calls", "prediction", "presence_penalty"),
    *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort"),
    *("response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream"),
    *("stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user"),
    *("verbosity", "web_search_options"),
}


def chat(**fields: Any) -> ChatCompletionRequest:
    return parse(ChatCompletionRequest, {"messages": HELLO, **fields})


def said(*messages: Any) -> dict[str, Any]:
    return {"messages": list(messages)}


def user(content: Any) -> dict[str, Any]:
    return said({"role": "user", "content": content})


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"no_such_field": 1}, "no_such_field", "unknown_parameter"),
    ({"temperature": 2.1}, "temperature", "invalid_value"),
    ({"temperature": -0.1}, "temperature", "invalid_value"),
    ({"temperature": "1"}, "temperature", "invalid_type"),
    ({"temperature": True}, "temperature", "invalid_type"),
    ({"top_p": 1.01}, "top_p", "invalid_value"),
    ({"presence_penalty": 3}, "presence_penalty", "invalid_value"),
    ({"frequency_penalty": -3}, "frequency_penalty", "invalid_value"),
    ({"n": 0}, "n", "invalid_value"),
    ({"n": 129}, "n", "invalid_value"),
    ({"n": 1_000_000}, "n", "invalid_value"),
    ({"n": 1.0}, "n", "invalid_type"),
    ({"n": True}, "n", "invalid_type"),
    ({"max_tokens": 0}, "max_tokens", "invalid_value"),
    ({"max_tokens": 1.5}, "max_tokens", "invalid_type"),
    ({"max_completion_tokens": -1}, "max_completion_tokens", "invalid_value"),
    ({"seed": 2**63}, "seed", "invalid_value"),
    ({"seed": "x"}, "seed", "invalid_type"),
    ({"logprobs": 1}, "logprobs", "invalid_type"),
    ({"top_logprobs": 3}, "top_logprobs", "invalid_value"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "invalid_value"),
    ({"stop": ["a"] * 5}, "stop", "invalid_value"),
    ({"stop": ""}, "stop[0]", "invalid_value"),
    ({"stop": ["a", 1]}, "stop[1]", "invalid_type"),
    ({"stop": 7}, "stop", "invalid_type"),
    ({"logit_bias": {"x": 1}}, "logit_bias.x", "invalid_value"),
    ({"logit_bias": {"-1": 1}}, "logit_bias.-1", "invalid_value"),
    ({"logit_bias": {"5": 100.5}}, "logit_bias.5", "invalid_value"),
    ({"logit_bias": {str(i): 1 for i in range(1025)}}, "logit_bias", "invalid_value"),
    ({"logit_bias": [1]}, "logit_bias", "invalid_type"),
    ({"stream": 1}, "stream", "invalid_type"),
    ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
    ({"stream_options": {}}, "stream_options", "invalid_value"),
    (
        {"stream": True, "stream_options": {"usage": True}},
        "stream_options.usage",
        "unknown_parameter",
    ),
    ({"model": 5}, "model", "invalid_type"),
    ({"model": ""}, "model", "invalid_value"),
    ({"user": 5}, "user", "invalid_type"),
    ({"metadata": {"a": 1}}, "metadata.a", "invalid_type"),
    ({"metadata": {str(i): "x" for i in range(17)}}, "metadata", "invalid_value"),
    ({"safety_identifier": "x" * 65}, "safety_identifier", "invalid_value"),
    ({"service_tier": "gold"}, "service_tier", "invalid_value"),
    ({"reasoning_effort": "more"}, "reasoning_effort", "invalid_value"),
    ({"verbosity": "some"}, "verbosity", "invalid_value"),
    ({"top_k": -1}, "top_k", "invalid_value"),
    ({"min_p": 1.1}, "min_p", "invalid_value"),
    ({"repetition_penalty": 0}, "repetition_penalty", "invalid_value"),
    ({"modalities": ["text", "audio"]}, "modalities", "invalid_value"),
    ({"modalities": ["audio"]}, "modalities[0]", "invalid_value"),
    ({"response_format": "text"}, "response_format", "invalid_type"),
    *(
        ({name: value}, name, "unsupported_parameter")
        for name, value in {
            "audio": {"voice": "alloy", "format": "wav"},
            "moderation": {},
            "web_search_options": {},
        }.items()
    ),
    ({"messages": []}, "messages", "invalid_value"),
    ({"messages": "Hello"}, "messages", "invalid_type"),
    ({"messages": None}, "messages", "invalid_type"),
    (said(7), "messages[0]", "invalid_type"),
    (said({"content": "x"}), "messages[0].role", "missing_required_parameter"),
    (said({"role": "king", "content": "x"}), "messages[0].role", "invalid_value"),
    (said(*HELLO, {"role": "user"}), "messages[1].content", "invalid_value"),
    (user(None), "messages[0].content", "invalid_value"),
    (user(5), "messages[0].content", "invalid_type"),
    (user([]), "messages[0].content", "invalid_value"),
    (user([PART, 5]), "messages[0].content[1]", "invalid_type"),
    (user([{"type": "text"}]), "messages[0].content[0].text", "missing_required_parameter"),
    (user([{**PART, "x": 1}]), "messages[0].content[0].x", "unknown_parameter"),
    (
        user([PART, {"type": "image_url", "image_url": {"url": "https://x"}}]),
        "messages[0].content[1].type",
        "invalid_value",
    ),
    (
        user([{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]),
        "messages[0].content[0].type",
        "invalid_value",
    ),
    (user([{"type": {}}]), "messages[0].content[0].type", "invalid_value"),
    (user([{"type": ["text"]}]), "messages[0].content[0].type", "invalid_value"),
    (user([{"type": "file", "file": {}}]), "messages[0].content[0].type", "invalid_value"),
    (said({"role": "tool", "content": "x"}), "messages[0].tool_call_id", "invalid_value"),
    (said({"role": "function", "content": "x"}), "messages[0].name", "invalid_value"),
    (said({"role": "user", "content": "x", "y": 1}), "messages[0].y", "unknown_parameter"),
]


@pytest.mark.parametrize(("fields", "param", "code"), REFUSED, ids=lambda value: str(value)[:60])
def test_a_chat_completion_is_refused(fields: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        chat(**fields)
    assert (caught.value.param, caught.value.error_code) == (param, code)
    assert param in caught.value.message
    assert caught.value.message.endswith(".")


COMPLETIONS_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"prompt": None}, "prompt"),
    ({"prompt": []}, "prompt"),
    ({"prompt": [[]]}, "prompt[0]"),
    ({"prompt": [1, "a"]}, "prompt[1]"),
    ({"prompt": ["a", 1]}, "prompt[1]"),
    ({"prompt": [-1]}, "prompt[0]"),
    ({"prompt": [True]}, "prompt[0]"),
    ({"prompt": [2**31]}, "prompt[0]"),
    ({"prompt": ["a"] * 129}, "prompt"),
    ({"prompt": ["a", "b"], "n": 65}, "n"),
    ({"best_of": -1}, "best_of"),
    ({"echo": 1}, "echo"),
    ({"suffix": ["x"]}, "suffix"),
    ({"logprobs": 6}, "logprobs"),
    ({"logprobs": True}, "logprobs"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"messages": HELLO}, "messages"),
    ({"max_completion_tokens": 5}, "max_completion_tokens"),
]


@pytest.mark.parametrize(("fields", "param"), COMPLETIONS_REFUSED)
def test_a_completion_is_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse(CompletionRequest, {"prompt": "x", **fields})
    assert caught.value.param == param


@pytest.mark.parametrize("body", [[], None, 7, "x", True])
def test_only_an_object_is_a_request(body: object) -> None:
    with pytest.raises(InvalidRequest, match="JSON object"):
        parse(ChatCompletionRequest, body)


def test_all_published_fields_are_known() -> None:
    assert len(FIELDS) == 37
    assert set(ChatCompletionRequest.model_fields) >= FIELDS


def test_null_is_as_good_as_absent_for_every_optional_field() -> None:
    nothing = chat(**{name: None for name in FIELDS if name != "messages"})
    assert nothing.generations("gen_1", "m", "org") == chat().generations("gen_1", "m", "org")
    assert nothing.output_limit is None
    assert not nothing.stream


def test_harmless_fields_are_accepted() -> None:
    chat(
        user="u", metadata={"a": "b"}, store=True, service_tier="auto", safety_identifier="x",
        prompt_cache_key="k", prompt_cache_retention="24h", prompt_cache_options={"mode": "x"},
        verbosity="low", prediction={"type": "content", "content": "x"}, parallel_tool_calls=True,
        reasoning_effort="low", modalities=["text"], response_format={"type": "text"},
    )  # fmt: skip


def test_sampling_reaches_the_engine() -> None:
    (request,) = chat(
        temperature=0, top_p=0.5, top_k=7, min_p=0.1, presence_penalty=1, frequency_penalty=-1,
        repetition_penalty=1.1, logit_bias={"12": -100}, seed=-5, stop="x", n=3, logprobs=True,
        top_logprobs=2,
    ).generations("gen_1", "m", "org_1")  # fmt: skip
    sampling = request.sampling
    assert (sampling.temperature, sampling.top_p, sampling.top_k, sampling.min_p) == (
        0,
        0.5,
        7,
        0.1,
    )
    assert (sampling.presence_penalty, sampling.frequency_penalty) == (1, -1)
    assert sampling.repetition_penalty == 1.1
    assert sampling.logit_bias == {12: -100}
    assert (sampling.seed, sampling.stop, sampling.n) == (-5, ("x",), 3)
    assert (sampling.logprobs, sampling.top_logprobs) == (True, 2)
    assert (request.id, request.model, request.tenant) == ("gen_1", "m", "org_1")


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 6}, 6),
        ({"max_tokens": 5, "max_completion_tokens": 6}, 6),
    ],
)
def test_both_names_of_the_output_limit_work(fields: dict[str, int], limit: int) -> None:
    assert chat(**fields).output_limit == limit


@pytest.mark.parametrize(
    "fields",
    [
        {"logit_bias": {str(i): "x" for i in range(100_000)}},
        {"messages": [{"role": "user"}] * 100_000},
        user([{"type": "text"}] * 100_000),
        {"metadata": {str(i): i for i in range(100_000)}},
        {f"field{i}": i for i in range(100_000)},
        {"stop": [7] * 100_000},
        said({"role": "user", **{f"field{i}": i for i in range(100_000)}}),
    ],
)
def test_a_body_full_of_mistakes_is_refused_quickly(fields: dict[str, Any]) -> None:
    start = time.thread_time()
    with pytest.raises(InvalidRequest) as caught:
        chat(**fields)
    assert time.thread_time() - start < 0.2
    assert len(caught.value.message) < 1000
    assert len(caught.value.param or "") < 200


@pytest.mark.parametrize("prompt", [[-1] * 1_000_000, ["a"] + [1] * 1_000_000, [[1], *"x" * 99]])
def test_a_prompt_full_of_mistakes_is_refused_quickly(prompt: list[Any]) -> None:
    start = time.thread_time()
    with pytest.raises(InvalidRequest):
        parse(CompletionRequest, {"prompt": prompt})
    assert time.thread_time() - start < 0.2


def test_a_small_request_is_read_in_less_than_100_microseconds() -> None:
    body = {"messages": HELLO * 2, "model": "m", "temperature": 0.7, "max_tokens": 64}
    rounds = 500
    best = min(_seconds(body, rounds) for _ in range(5))
    assert best / rounds < 100e-6


def _seconds(body: dict[str, Any], rounds: int) -> float:
    start = time.thread_time()
    for _ in range(rounds):
        parse(ChatCompletionRequest, body)
    return time.thread_time() - start
