"""On a device, rows that are held to a form are computed ahead as all others are, and say what they
say where every token is read at once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inference.engines.base import SamplingParams
from inference.engines.local import loading
from inference.engines.local.chosen import Chosen, Sampled
from inference.engines.local.graphs import DecodeGraphs
from inference.engines.local.runner import Runner
from tests.engines.form_desk import FormDesk
from tests.engines.recording import Recorder
from tests.engines.small_models import make_folder

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
WAYS = [
    SamplingParams(temperature=0),
    SamplingParams(seed=1, temperature=2.0),
    SamplingParams(seed=2, top_p=0.3, n=2),
    SamplingParams(seed=3, top_k=5, frequency_penalty=2.0, presence_penalty=2.0),
    SamplingParams(seed=4, min_p=0.2, repetition_penalty=1.5, logprobs=True, top_logprobs=3),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_folder(tmp_path_factory.mktemp("bytes"))


@pytest.fixture
def late(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FormDesk]:
    """As on a device."""
    monkeypatch.setattr(loading, "Runner", lambda model, cache, _: Runner(model, cache, Recorder()))
    monkeypatch.setattr(loading, "_warm_up", lambda steps: None)
    monkeypatch.setattr(Runner, "warm_up", lambda self: None)  # what is needed is recorded then
    desk = FormDesk(folder)
    yield desk
    desk.close()


@pytest.fixture
def at_once(folder: Path) -> Iterator[FormDesk]:
    desk = FormDesk(folder)
    yield desk
    desk.close()


def test_held_and_free_rows_say_the_same_late_as_at_once(late: FormDesk, at_once: FormDesk) -> None:
    answers: list[list[Any]] = []
    for desk in (late, at_once):
        asked = []
        for way in WAYS:
            asked.append(desk.submit(PERSON, way, 60))
            asked.append(desk.submit(sampling=way, max_tokens=20, free=True))
            desk.step()
            desk.step()
        desk.run()
        answers.append(
            [
                [token.token for token in desk.tokens(submission, index)]
                for submission in asked
                for index in range(submission.sampling.n)
            ]
        )
        assert sum(desk.check(held, PERSON) for held in asked[::2]) > 3
    assert answers[0] == answers[1]


def test_a_held_row_is_computed_while_its_last_token_is_read(
    late: FormDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    compute, read = DecodeGraphs.logits, Chosen.read

    def computing(self: DecodeGraphs, *of: Any) -> object:
        done.append("computed")
        return compute(self, *of)

    def reading(self: Chosen) -> Sampled:
        done.append("read")
        return read(self)

    monkeypatch.setattr(DecodeGraphs, "logits", computing)
    monkeypatch.setattr(Chosen, "read", reading)
    late.submit(PERSON, SamplingParams(temperature=0), 8)
    late.run()
    assert done[:8] == ["read", "computed", *["computed", "read"] * 3]


def test_who_has_ended_or_left_is_asked_about_no_more(late: FormDesk) -> None:
    """One step of theirs is under way when that is noticed."""
    short = late.submit({"type": "boolean"}, SamplingParams(temperature=0), 60)
    long = late.submit(PERSON, SamplingParams(temperature=0), 60)
    gone = late.submit(PERSON, SamplingParams(seed=1), 60)
    for _ in range(4):
        late.step()
    gone.cancelled = True
    late.model.steps.drop_cancelled()
    late.run()
    assert late.check(short, {"type": "boolean"}) == 1
    assert late.answer(long)[0].startswith("{")
    assert not late.errors
    assert short.grammar
    assert not short.grammar.spoiled
