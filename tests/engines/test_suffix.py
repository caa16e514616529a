"""Filling in before a suffix, for models whose tokenizer has the marks for it."""

import pytest
from tokenizers import AddedToken

from inference.engines.base import GenerationRequest, InvalidGeneration, Message, SamplingParams
from inference.engines.local import fill_in
from inference.engines.local.client import LocalEngine
from tests.engines.small_models import make_tokenizer

MARKS = [
    ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),
    ("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),
    ("▁<PRE>", "▁<SUF>", "▁<MID>"),
    ("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),  # noqa: RUF001 - DeepSeek's own bars
]


@pytest.mark.parametrize("marks", MARKS)
def test_the_text_to_be_written_comes_last(marks: tuple[str, str, str]) -> None:
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens(
        {"additional_special_tokens": [AddedToken(mark, special=True) for mark in marks]}
    )
    found = fill_in.tokens(tokenizer, "def one(", f"return 1{marks[2]}")
    first, middle, last = (tokenizer.get_vocab()[mark] for mark in marks)
    assert (found[0], found[-1]) == (first, last)
    at = found.index(middle)
    assert tokenizer.decode(found[1:at]) == "def one("
    rest = found[at + 1 : -1]
    assert last not in rest  # a mark inside the user's text is its characters
    assert tokenizer.decode(rest) == f"return 1{marks[2]}"


def test_code_llamas_own_end_is_an_end() -> None:
    tokenizer = make_tokenizer()
    assert fill_in.ends(tokenizer) == frozenset()
    tokenizer.add_tokens(["▁<EOT>"])
    assert fill_in.ends(tokenizer) == {len(tokenizer) - 1}


@pytest.mark.parametrize(
    "asked",
    [
        {"prompt": "def one("},
        {"prompt": (1, 2, 3)},
        {"messages": (Message("user", "hi"),)},
        {"prompt": "def one(", "echo": True},
    ],
)
async def test_it_is_refused_where_it_means_nothing(
    client: LocalEngine, asked: dict[str, object]
) -> None:
    request = GenerationRequest("r", "tiny", SamplingParams(), suffix="end", **asked)  # type: ignore[arg-type]  # fields as named
    with pytest.raises(InvalidGeneration) as refused:
        await client.prepare(request)
    assert refused.value.param == "suffix"
