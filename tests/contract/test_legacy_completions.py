"""Legacy completions through the real client on the built-in model, and as programs score texts."""

from typing import Any

import openai
import pytest
from openai.types import Completion
from openai.types.completion_choice import Logprobs

from tests.running import Tenant

MODEL = "smarter-mini"
TEXT = "Bees are useful animals — they carry pollen."
BEGINNING = "Once upon a time"


def scored(answer: Completion) -> list[Logprobs]:
    """The log-probabilities of every choice, which stand at its index."""
    assert [choice.index for choice in answer.choices] == list(range(len(answer.choices)))
    return [choice.logprobs for choice in answer.choices if choice.logprobs]


def echo(ada: Tenant, prompt: Any, **fields: Any) -> Completion:
    known = {"model": MODEL, "prompt": prompt, "echo": True, "temperature": 0, **fields}
    answer: Completion = ada.client().completions.create(**known)
    return answer


def test_the_tokens_of_an_echo_are_its_text_each_at_its_offset(ada: Tenant) -> None:
    answer = echo(ada, TEXT, logprobs=2, max_tokens=4)
    (told,) = scored(answer)
    text = answer.choices[0].text
    assert text.startswith(TEXT)
    assert told.tokens
    assert told.token_logprobs
    assert told.text_offset
    assert told.token_logprobs[0] is None
    assert all(value < 0 for value in told.token_logprobs[1:])
    assert told.text_offset == sorted(told.text_offset)
    for token, begin in zip(told.tokens, told.text_offset, strict=True):
        if "\ufffd" not in token and begin < len(text):
            assert text[begin : begin + len(token)] == token


def test_a_prompt_alone_costs_no_output(ada: Tenant) -> None:
    answer = echo(ada, TEXT, max_tokens=0, logprobs=0)
    assert answer.choices[0].text == TEXT
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 0
    told = scored(answer)[0].token_logprobs
    assert told is not None
    assert len(told) == answer.usage.prompt_tokens


def test_the_token_that_ends_an_answer_has_an_entry_as_well(ada: Tenant) -> None:
    """Or a program that leaves out the last entry would leave out one of the prompt's."""
    answer = echo(ada, TEXT, logprobs=1, max_tokens=1)
    assert answer.choices[0].text == TEXT  # nothing more is to be said
    assert (answer.choices[0].finish_reason, answer.usage and answer.usage.completion_tokens) == (
        "stop", 1,
    )  # fmt: skip
    (told,) = scored(answer)
    assert answer.usage is not None
    assert told.token_logprobs is not None
    assert len(told.token_logprobs) == answer.usage.prompt_tokens + 1
    assert told.token_logprobs[-1] is not None
    assert told.text_offset is not None
    assert told.text_offset[-1] == len(TEXT)


def test_token_lists_are_scored_as_lm_evaluation_harness_asks(ada: Tenant) -> None:
    """`loglikelihood`: batches of token ids, one token of output, read as `[context:-1]`."""
    lists = [[65, 66, 67, 68, 69, 70], [70, 71, 72], [65, 66]]
    contexts = [3, 1, 1]
    asked: dict[str, Any] = {"max_tokens": 1, "temperature": 0, "logprobs": 1, "seed": 1234}
    batch = scored(echo(ada, lists, **asked))
    for told, tokens, context in zip(batch, lists, contexts, strict=True):
        assert told.token_logprobs is not None
        assert told.top_logprobs is not None
        kept, tops = told.token_logprobs[context:-1], told.top_logprobs[context:-1]
        assert len(kept) == len(tokens) - context
        assert all(value <= max(top.values()) < 0 for value, top in zip(kept, tops, strict=True))
        (alone,) = scored(echo(ada, tokens, **asked))
        assert alone.token_logprobs is not None
        assert alone.token_logprobs[1:] == pytest.approx(told.token_logprobs[1:], abs=1e-3)


def test_what_a_greedy_answer_was_likely_of_is_told_again_by_its_echo(ada: Tenant) -> None:
    said = ada.client().completions.create(
        model=MODEL, prompt=BEGINNING, max_tokens=6, temperature=0, logprobs=0
    )
    own = scored(said)[0].token_logprobs or []
    again = scored(echo(ada, BEGINNING + said.choices[0].text, max_tokens=0, logprobs=1))[0]
    assert len(own) == 6
    told, tops = (again.token_logprobs or [])[-6:], (again.top_logprobs or [])[-6:]
    assert told == pytest.approx(own, abs=1e-2)
    # "Was it greedy?" is asked by equality.
    assert all(value == max(top.values()) for value, top in zip(told, tops, strict=True))


def test_the_best_one_is_answered_and_all_are_charged(ada: Tenant) -> None:
    answer = ada.client().completions.create(
        model=MODEL, prompt=BEGINNING, max_tokens=5, best_of=4, n=2, temperature=1.5, logprobs=0
    )
    told = [one.token_logprobs or [] for one in scored(answer)]
    means = [sum(values) / len(values) for values in told]
    assert means == sorted(means, reverse=True)
    assert answer.usage is not None
    assert answer.usage.completion_tokens > sum(map(len, told))
    assert len(answer.choices) == 2


def test_a_stream_begins_with_the_echo(ada: Tenant) -> None:
    stream = ada.client().completions.create(
        model=MODEL, prompt=TEXT, echo=True, max_tokens=4, temperature=0, stream=True
    )
    texts = [chunk.choices[0].text for chunk in stream]
    assert texts[0] == TEXT
    assert "".join(texts) == echo(ada, TEXT, max_tokens=4).choices[0].text


def test_a_suffix_is_refused_where_the_model_was_not_taught_to_fill_in(ada: Tenant) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        ada.client().completions.create(model=MODEL, prompt="a", suffix="b")
    assert refused.value.param == "suffix"
