"""Every sampling parameter does to the logits what a plain reference says it does."""

import math
from collections import Counter
from collections.abc import Mapping

import pytest
import torch
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from inference.engines.base import SamplingParams
from inference.engines.local.filters import Cuts, draw
from inference.engines.local.noise import token_hashes
from inference.engines.local.penalties import adjust
from inference.engines.local.sampler_rows import SamplerRow
from tests.engines.small_models import VOCABULARY, Desk, reference

PROMPT = [5, 9, 33, 7]
FLAT = 1.5  # a temperature at which many tokens are likely


def first_logits() -> torch.Tensor:
    with torch.inference_mode():
        logits: torch.Tensor = reference("llama")(torch.tensor([PROMPT])).logits
    return logits[:, -1]


def allowed(*warpers: object) -> set[int]:
    """What transformers' own warpers leave of the first step."""
    warped = LogitsProcessorList(warpers)(torch.tensor([PROMPT]), first_logits())  # type: ignore[arg-type]  # it names legacy tensor classes
    return set(warped[0].isfinite().nonzero()[:, 0].tolist())


def drawn(way: SamplingParams, times: int = 400) -> Counter[int]:
    """First tokens of many seeds."""
    desk = Desk(slots=100, step_tokens=512)
    for seed in range(times):
        desk.submit(PROMPT, _with(way, seed=seed), 1)
    desk.run()
    return Counter(event.token for event in desk.events)


def _with(way: SamplingParams, **changes: object) -> SamplingParams:
    names = ("temperature", "top_p", "top_k", "min_p", "logit_bias")
    return SamplingParams(**{name: getattr(way, name) for name in names} | changes)


@pytest.mark.parametrize(
    ("way", "warpers"),
    [
        (SamplingParams(temperature=FLAT, top_k=4), [TopKLogitsWarper(4)]),
        (SamplingParams(temperature=FLAT, top_p=0.5), [TopPLogitsWarper(0.5)]),
        (SamplingParams(temperature=FLAT, min_p=0.3), [MinPLogitsWarper(0.3)]),
        (
            SamplingParams(temperature=FLAT, top_k=6, top_p=0.7, min_p=0.1),
            [TopKLogitsWarper(6), TopPLogitsWarper(0.7), MinPLogitsWarper(0.1)],
        ),
    ],
)
def test_only_what_the_filters_leave_is_drawn(way: SamplingParams, warpers: list[object]) -> None:
    left = allowed(TemperatureLogitsWarper(FLAT), *warpers)
    unfiltered = set(drawn(SamplingParams(temperature=FLAT)))
    assert set(drawn(way)) <= left
    assert not unfiltered <= left
    likely = first_logits()[0].div(FLAT).softmax(-1)
    inside = sum(float(likely[token]) for token in left)
    assert {t for t in left if likely[t] / inside > 0.05} <= set(drawn(way))


@pytest.mark.parametrize("cuts", [(1e9, 0.9, -math.inf), (200, 0.95, -math.inf), (1e9, 9, -3.0)])
def test_a_cut_beyond_the_first_candidates_draws_as_if_all_had_been_sorted(
    cuts: tuple[float, float, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(3)
    logits = torch.randn(40, 3000)
    keys = torch.randint(-(2**31), 2**31 - 1, (40, 2), dtype=torch.int32)
    hashes = token_hashes(3000, logits.device)
    columns = [torch.full((40, 1), value) for value in cuts]
    stepwise = draw(logits, Cuts(*columns), keys, hashes)[1]
    monkeypatch.setattr("inference.engines.local.filters.WIDTHS", ())
    assert stepwise.tolist() == draw(logits, Cuts(*columns), keys, hashes)[1].tolist()
    assert len(set(stepwise.tolist())) > 5


@pytest.mark.parametrize(
    "way", [SamplingParams(temperature=0.0), SamplingParams(temperature=1e-45)]
)
def test_temperature_zero_and_nearly_zero_are_greedy(way: SamplingParams) -> None:
    assert Desk().complete(PROMPT, way, 1) == [int(first_logits().argmax())]


def test_a_colder_temperature_draws_the_likeliest_more_often() -> None:
    best = int(first_logits().argmax())
    cold, warm = drawn(SamplingParams(temperature=0.4)), drawn(SamplingParams(temperature=3.0))
    assert cold[best] > 1.5 * warm[best]


def greedy_by_hand(adjust: Mapping[str, float], count: int) -> list[int]:
    """Frequency, presence and repetition penalties written out as their definitions say."""
    tokens: list[int] = []
    for _ in range(count):
        ids = torch.tensor([PROMPT + tokens])
        with torch.inference_mode():
            logits = reference("llama")(ids).logits[:, -1]
        repetition = adjust.get("repetition_penalty", 1.0)
        row = RepetitionPenaltyLogitsProcessor(repetition)(ids, logits)[0]
        for token, times in Counter(tokens).items():
            row[token] -= adjust.get("frequency_penalty", 0) * times
            row[token] -= adjust.get("presence_penalty", 0)
        tokens.append(int(row.argmax()))
    return tokens


@pytest.mark.parametrize(
    "adjust",
    [
        {"frequency_penalty": 2.0},
        {"presence_penalty": 2.0},
        {"presence_penalty": -2.0, "frequency_penalty": 1.0},
        {"repetition_penalty": 1.8},
        {"repetition_penalty": 0.5},
    ],
)
def test_penalties(adjust: dict[str, float]) -> None:
    way = SamplingParams(temperature=0, **adjust)  # type: ignore[arg-type]  # only float fields
    penalised = Desk().complete(PROMPT, way, 40)
    assert penalised == greedy_by_hand(adjust, 40)
    assert penalised != Desk().complete(PROMPT, max_tokens=40)


def test_a_repetition_penalty_weakens_logits_of_either_sign() -> None:
    torch.manual_seed(2)
    logits = torch.randn(1, VOCABULARY)
    way = SamplingParams(repetition_penalty=1.7)
    state = SamplerRow(way, [*range(80)], 0)
    state.note(100)
    seen = torch.tensor([[*range(80), 100]])
    expected = RepetitionPenaltyLogitsProcessor(1.7)(seen, logits.clone())
    assert torch.equal(adjust(logits, [state]), expected)


def test_every_further_use_of_a_token_adds_to_its_frequency_penalty() -> None:
    way = SamplingParams(presence_penalty=1.0, frequency_penalty=0.5, logit_bias={7: 4.0, 8: -1.0})
    state = SamplerRow(way, PROMPT, 0)
    for token in (7, 7, 9):
        state.note(token)
    row = adjust(torch.zeros(1, VOCABULARY), [state])[0]
    assert [float(row[token]) for token in (7, 8, 9, 5)] == [4.0 - 1.0 - 2 * 0.5, -1.0, -1.5, 0.0]


def test_a_bias_forces_and_forbids_tokens() -> None:
    plain = Desk().complete(PROMPT, max_tokens=8)
    forced = SamplingParams(temperature=0, logit_bias={77: 100.0})
    assert Desk().complete(PROMPT, forced, 8) == [77] * 8
    forbidden = SamplingParams(temperature=0, logit_bias={plain[0]: -100.0})
    second = int(first_logits()[0].topk(2).indices[1])
    assert Desk().complete(PROMPT, forbidden, 1) == [second]


def test_one_rows_bias_is_not_the_others() -> None:
    desk = Desk()
    plain = desk.submit(PROMPT)
    desk.submit(PROMPT, SamplingParams(temperature=0, logit_bias={77: 100.0}))
    desk.run()
    assert desk.tokens(plain) == Desk().complete(PROMPT)


def test_an_end_token_ends_unless_it_is_to_be_ignored() -> None:
    plain = Desk().complete(PROMPT, max_tokens=9)
    for ignored, told in ((False, plain[: plain.index(plain[3]) + 1]), (True, plain)):
        desk = Desk()
        desk.steps._options = type(desk.steps._options)(VOCABULARY, frozenset({plain[3]}))
        way = SamplingParams(temperature=0, ignore_eos=ignored)
        submission = desk.submit(PROMPT, way, 9)
        desk.run()
        assert desk.tokens(submission) == told
        assert desk.told(submission)[-1].finish_reason == ("length" if ignored else "stop")
