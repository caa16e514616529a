"""Sampling parameters that could harm a step are refused, and the refusal names them."""

import math
from dataclasses import replace

import pytest

from inference.engines.base import InvalidGeneration, SamplingParams
from inference.engines.local.validation import check

BAD: list[tuple[str, object]] = [
    ("temperature", math.nan), ("temperature", -0.1), ("temperature", math.inf),
    ("temperature", "hot"), ("temperature", True),
    ("top_p", 1.1), ("top_p", math.nan), ("top_k", -1), ("top_k", 1.5), ("min_p", 2.0),
    ("presence_penalty", 3), ("frequency_penalty", -3), ("repetition_penalty", 0.0),
    ("n", 0), ("n", 10**6), ("n", 9), ("top_logprobs", 21),
    ("seed", 2**63), ("seed", 1.5), ("seed", True),
    ("stop", ("",)), ("stop", ("x",) * 17), ("stop", ("x" * 2000,)),
    ("logit_bias", {50: 1.0}), ("logit_bias", {-1: 1.0}), ("logit_bias", {1: 1e308}),
    ("logit_bias", {1: math.nan}), ("logit_bias", dict.fromkeys(range(2000), 1.0)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_is_refused(name: str, value: object) -> None:
    params = replace(SamplingParams(), **{name: value})  # type: ignore[arg-type]  # wrong on purpose
    with pytest.raises(InvalidGeneration) as refused:
        check(params, vocabulary=50, slots=8)
    assert refused.value.param == name


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(),
        SamplingParams(temperature=0, top_p=0, top_k=1, min_p=1, seed=-(2**63), n=8),
        SamplingParams(logit_bias={0: -100, 49: 100}, stop=("x",) * 16, logprobs=True),
    ],
)
def test_good_values_pass(params: SamplingParams) -> None:
    check(params, vocabulary=50, slots=8)
