"""The shipped tokenizer: its special tokens, its chat template, and words that stay alike."""

import itertools

import pytest

from inference.builtin import packing
from inference.builtin.corpus.conversations import documents
from tests.inference.builtin import asking

TOOL: asking.Tool = {
    "type": "function",
    "function": {"name": "get_weather", "description": "Weather", "parameters": {}},
}


@pytest.mark.parametrize("token", ["<|im_start|>", "<|im_end|>", "<|endoftext|>"])
def test_special_tokens_are_one_token_and_plain_text_when_they_are_split(token: str) -> None:
    tokenizer = asking.tokenizer()
    assert len(tokenizer.encode(token)) == 1
    assert len(tokenizer.encode(token, split_special_tokens=True)) > 1
    assert token in tokenizer.all_special_tokens


@pytest.mark.parametrize("word", ["Reykjavik", "blorvik", "walrus", "QUANDLE"])
def test_an_unseen_word_falls_into_the_same_pieces_wherever_it_stands(word: str) -> None:
    tokenizer = asking.tokenizer()
    pieces = tokenizer.tokenize(word)
    for before in ("Say ", 'Say "', '{"location": "'):
        inside = "".join(tokenizer.tokenize(before + word)[-len(pieces) :])
        assert inside.removeprefix("Ġ") == "".join(pieces)


@pytest.mark.parametrize("text", ["naïve 東京 🙂", "  two  spaces\n\ttab", "a\u0000b", "12,345.67"])
def test_any_text_survives_encoding(text: str) -> None:
    tokenizer = asking.tokenizer()
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_the_template_writes_the_same_as_the_training_text() -> None:
    for document in itertools.islice(documents("template"), 500):
        if document.messages:
            written = asking.rendered(document.messages, document.offered, answering=False)
            assert written.removesuffix("\n") == packing.rendered(document)


def test_every_role_is_accepted_and_a_developer_speaks_as_the_system() -> None:
    call = {"function": {"name": "get_weather", "arguments": '{"location": "Oslo"}'}}
    messages: list[asking.Message] = [
        {"role": "developer", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Weather?"}]},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "sunny"},
    ]
    assert asking.rendered(messages, answering=False) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n"
        "<|im_start|>user\nWeather?<|im_end|>\n"
        '<|im_start|>assistant\n<tool_call>\n{"name": "get_weather", "arguments": '
        '{"location": "Oslo"}}\n</tool_call><|im_end|>\n'
        "<|im_start|>tool\nsunny<|im_end|>\n"
    )


def test_tools_are_written_into_the_system_message() -> None:
    written = asking.rendered([{"role": "user", "content": "Weather?"}], [TOOL])
    assert written.startswith("<|im_start|>system\n# Tools\n<tools>\n")
    assert '{"name": "get_weather", "description": "Weather", "parameters": {}}' in written
