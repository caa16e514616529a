"""The training text is the same each time and never contains a held-out prompt."""

import itertools
import re
from collections.abc import Iterator

import pytest

from inference.builtin import packing, train
from inference.builtin.corpus import reserved
from inference.builtin.corpus.conversations import Document, documents
from inference.builtin.corpus.words import BANK, PEOPLE
from tests.inference.builtin import asking, calling

HOW_MANY = 4_000
# Streams that training really drew from: the tokenizer's, the batches', and those with drills.
STREAMS = (("tokenizer", 0.0), (f"{train.SEED}/0", 0.0), (f"{train.SEED}/4242", train.DRILL))


def _plain(text: str) -> str:
    """Letters, digits and arithmetic signs alone, so that case and punctuation hide nothing."""
    return " ".join(re.findall(r"[^\W_]+|[+\-*]", text.casefold()))


def _asked(document: Document) -> Iterator[str]:
    for message in document.messages:
        if message["role"] == "user":
            yield str(message["content"])


@pytest.mark.parametrize(("seed", "drill"), STREAMS)
def test_no_held_out_prompt_stands_in_the_training_text(seed: str, drill: float) -> None:
    held_out = {_plain(each.prompt) for each in asking.held_out()}
    held_out |= {_plain(each.prompt) for each in calling.held_out_calls()}
    drawn = itertools.islice(documents(seed, drill), HOW_MANY)
    assert held_out.isdisjoint(_plain(text) for each in drawn for text in _asked(each))


@pytest.mark.parametrize(("seed", "drill"), STREAMS)
def test_no_reserved_word_sum_or_count_stands_in_the_training_text(seed: str, drill: float) -> None:
    for document in itertools.islice(documents(seed, drill), HOW_MANY):
        assert reserved.allows(packing.rendered(document)), document
        for message in document.messages:
            text = str(message["content"])
            for left, right in re.findall(r"(\d+) \+ (\d+) =", text):
                assert reserved.allows_sum(int(left), int(right)), text
            for last in re.findall(r"^1, 2, .*?(\d+)\.$", text):
                assert reserved.allows_count(1, int(last)), text


def test_every_quoted_word_of_the_held_out_prompts_is_reserved() -> None:
    for each in asking.held_out():
        if each.group == "repeating":
            words = str(each.expected).casefold().split()
            assert words
            assert reserved.WORDS.issuperset(words)


def test_the_tools_of_the_training_text_leave_the_reserved_functions_alone() -> None:
    reserved_names = {str(_function(each)["name"]) for each in _new_tools()}
    assert reserved_names == reserved.FUNCTIONS
    for seed, drill in STREAMS:
        for document in itertools.islice(documents(seed, drill), HOW_MANY):
            for tool in document.offered:
                assert _function(tool)["name"] not in reserved.FUNCTIONS


def _new_tools() -> Iterator[asking.Tool]:
    for each in calling.held_out_calls():
        if each.group == "new functions":
            yield from each.tools


def _function(tool: asking.Tool) -> dict[str, object]:
    function = tool["function"]
    assert isinstance(function, dict)
    return function


def test_every_held_out_sum_is_of_a_reserved_pair() -> None:
    sums = [each.prompt for each in asking.held_out() if each.group == "sums"]
    pairs = {tuple(sorted(map(int, re.findall(r"\d+", each)))) for each in sums}
    assert pairs == reserved.SUM_PAIRS


def test_the_word_bank_holds_no_reserved_word() -> None:
    assert reserved.allows(" ".join(BANK + PEOPLE))


def test_the_same_seed_gives_the_same_documents() -> None:
    first, again = documents("a"), documents("a")
    assert list(itertools.islice(first, 200)) == list(itertools.islice(again, 200))


def test_other_seeds_give_other_documents() -> None:
    first, other = documents("a"), documents("b")
    assert list(itertools.islice(first, 20)) != list(itertools.islice(other, 20))
