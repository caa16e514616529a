"""Prompts with a suffix, for models that were taught to write what belongs between two texts."""

from typing import NamedTuple

from transformers import PreTrainedTokenizerFast

from inference.engines.base import InvalidGeneration


class _Marks(NamedTuple):
    """What stands before the prompt, before the suffix, and before the text to be written."""

    prompt: str
    suffix: str
    middle: str


_FAMILIES = (
    _Marks("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"),  # Qwen2.5-Coder
    _Marks("<fim_prefix>", "<fim_suffix>", "<fim_middle>"),  # StarCoder
    _Marks("▁<PRE>", "▁<SUF>", "▁<MID>"),  # Code Llama
    _Marks("<｜fim▁begin｜>", "<｜fim▁hole｜>", "<｜fim▁end｜>"),  # noqa: RUF001 - DeepSeek's own bars
)
_END = "▁<EOT>"  # Code Llama ends the middle by it, and declares it nowhere


def tokens(tokenizer: PreTrainedTokenizerFast, prompt: str, suffix: str) -> list[int]:
    """Raises InvalidGeneration when the model knows no such prompts."""
    words = tokenizer.get_vocab()
    marks = next((each for each in _FAMILIES if all(mark in words for mark in each)), None)
    if marks is None:
        raise InvalidGeneration("This model cannot fill in before a suffix.", "suffix")
    begin = [each for each in tokenizer.encode("") if each == tokenizer.bos_token_id]

    def plain(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True))

    return [
        *begin,
        words[marks.prompt],
        *plain(prompt),
        words[marks.suffix],
        *plain(suffix),
        words[marks.middle],
    ]


def ends(tokenizer: PreTrainedTokenizerFast) -> frozenset[int]:
    """Tokens that end what was filled in, beside the model's own ends."""
    end = tokenizer.get_vocab().get(_END)
    return frozenset() if end is None else frozenset([end])
