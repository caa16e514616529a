"""Answers held to a schema are valid unless cut, however they are sampled and in any company."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from inference.engines.base import SamplingParams
from tests.engines.form_desk import FormDesk, make_sentencepiece_folder, random_schema
from tests.engines.small_models import make_folder

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
WAYS = [
    SamplingParams(temperature=0),
    SamplingParams(temperature=3.0),
    SamplingParams(top_p=0.3, n=2),
    SamplingParams(top_k=5, frequency_penalty=2.0, presence_penalty=2.0),
    SamplingParams(min_p=0.2, repetition_penalty=1.5),
    SamplingParams(temperature=0.01, logit_bias={1: 100.0, 3: 100.0, 92: -100.0}),
    SamplingParams(seed=3, logprobs=True, top_logprobs=3, n=3),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        "byte-level": make_folder(tmp_path_factory.mktemp("bytes")),
        "sentencepiece": make_sentencepiece_folder(tmp_path_factory.mktemp("pieces")),
    }


@pytest.fixture(scope="module", params=["byte-level", "sentencepiece"])
def desk(request: pytest.FixtureRequest, folders: dict[str, Path]) -> Iterator[FormDesk]:
    desk = FormDesk(folders[request.param])
    yield desk
    desk.close()


@pytest.fixture
def plain(folders: dict[str, Path]) -> Iterator[FormDesk]:
    desk = FormDesk(folders["byte-level"])
    yield desk
    desk.close()


@pytest.mark.parametrize("seed", range(40))
def test_random_schemas_in_a_mixed_batch(desk: FormDesk, seed: int) -> None:
    chance = random.Random(seed)
    asked = []
    for way in chance.sample(WAYS, 4):
        schema = random_schema(chance)
        asked.append((desk.submit(schema, way, chance.choice([30, 300])), schema))
        desk.submit(sampling=way, max_tokens=chance.randint(1, 40), free=True)
        desk.step()
    desk.run()
    complete = sum(desk.check(submission, schema) for submission, schema in asked)
    assert complete > 0


def test_any_object(desk: FormDesk) -> None:
    asked = [desk.submit(None, way, 300) for way in WAYS]
    desk.run()
    for submission in asked:
        desk.check(submission, None)
        assert desk.answer(submission)[0].startswith("{")


def test_the_answer_is_written_as_models_write_it(plain: FormDesk) -> None:
    asked = plain.submit(PERSON)
    plain.run()
    text, _ = plain.answer(asked)
    assert text == json.dumps(json.loads(text), ensure_ascii=False)


def test_free_rows_are_what_they_are_alone(plain: FormDesk) -> None:
    way = SamplingParams(seed=5)
    alone = plain.submit(sampling=way, max_tokens=60, free=True)
    plain.run()
    for _ in range(3):
        plain.submit(PERSON)
    among = plain.submit(sampling=way, max_tokens=60, free=True)
    plain.run()
    assert plain.answer(among) == plain.answer(alone)


def test_a_seed_gives_the_same_held_text_in_any_company(desk: FormDesk) -> None:
    way = SamplingParams(seed=42, n=3, top_p=0.95)
    alone = desk.submit(PERSON, way)
    desk.run()
    for number in range(4):
        desk.submit({"type": "array", "minItems": 20}, SamplingParams(), 30 + number)
    among = desk.submit(PERSON, way)
    desk.run()
    texts = [desk.answer(alone, index) for index in range(3)]
    assert [desk.answer(among, index) for index in range(3)] == texts
    assert len(set(texts)) == 3


def test_the_end_token_comes_only_where_the_grammar_may_end(plain: FormDesk) -> None:
    """However much it is wished for; and where nothing else may follow, none is needed."""
    eager = SamplingParams(logit_bias={1: 100.0})
    whole = plain.submit(PERSON, eager)
    number = plain.submit({"type": "integer", "minimum": 100}, eager)
    plain.run()
    assert plain.check(whole, PERSON) == 1
    assert plain.tokens(whole)[-1].token != 1
    text, reason = plain.answer(number)
    assert (len(text), reason, plain.tokens(number)[-1].token) == (3, "stop", 1)


def test_a_bias_against_all_that_is_allowed_still_leaves_something(plain: FormDesk) -> None:
    """In the order of the sampler the mask is last, and no bias is infinite."""
    everything = dict.fromkeys(range(plain.model.info.vocabulary_size), -100.0)
    ways = [SamplingParams(logit_bias=everything, top_k=top_k) for top_k in (0, 1)]
    asked = [plain.submit(PERSON, way, 300) for way in ways]
    plain.run()
    assert [plain.check(each, PERSON) for each in asked] == [1, 1]


def test_log_probabilities_are_the_models_own(plain: FormDesk) -> None:
    """Not those of what the grammar left: the first token was the only one allowed."""
    asked = plain.submit(PERSON, SamplingParams(logprobs=True, top_logprobs=20))
    plain.run()
    first = plain.tokens(asked)[0]
    assert first.logprobs is not None
    assert plain.model.vocabulary.pieces[first.token] == b"{"
    assert first.logprobs.chosen is not None
    assert first.logprobs.chosen < -1
    assert first.token not in [token for token, _ in first.logprobs.top[:1]]
    free = plain.submit(sampling=SamplingParams(logprobs=True, top_logprobs=20), free=True)
    plain.run()
    reported = plain.tokens(free)[0].logprobs
    assert reported is not None
    assert dict(reported.top) == pytest.approx(dict(first.logprobs.top))


def test_a_row_of_numbers_that_are_none_ends_alone(plain: FormDesk) -> None:
    asked = [plain.submit(PERSON) for _ in range(2)]
    plain.step()
    plain.step()
    victim = plain.model.steps._batch.rows[0]
    _, values = plain.model.steps._runner.cache.layer(0)
    values[victim.slot].fill_(torch.nan)
    plain.run()
    assert list(plain.errors) == [victim.submission]
    (other,) = [each for each in asked if each is not victim.submission]
    plain.check(other, PERSON)


def test_an_answer_cut_by_length_is_a_beginning(plain: FormDesk) -> None:
    asked = plain.submit(PERSON, max_tokens=5)
    plain.run()
    text, reason = plain.answer(asked)
    assert (text[:5], reason) == ('{"nam', "length")
