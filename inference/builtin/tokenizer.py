"""Makes the built-in model's tokenizer: byte-level BPE, digits one by one, spaces merged last."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

END_OF_TEXT, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"
CALL_TOKENS = ("<tool_call>", "</tool_call>")
CONTEXT = 2_048
VOCABULARY = 2_048
SPACED = 448  # how many pieces also exist with a space before them

TEMPLATE = Path(__file__).with_name("chat_template.jinja")

_BARE = r"\p{L}+|\p{N}|[^\s\p{L}\p{N}]+|\s"
_PIECES = r" ?\p{L}+| ?\p{N}| ?[^\s\p{L}\p{N}]+|\s"
_SPACE = "Ġ"  # how byte-level BPE writes a space


def make(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """A tokenizer for these texts.

    Pieces are learned without their leading spaces; merges of a space with a frequent piece come
    last. So a word falls into the same pieces wherever it stands, which makes copying learnable.
    """
    vocabulary, merges = _learned_pieces(texts)
    for piece in _often_after_a_space(texts, vocabulary):
        merges.append((_SPACE, piece))
        vocabulary[_SPACE + piece] = len(vocabulary)
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    made.pre_tokenizer = _splitting(_PIECES)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(each, special=True) for each in (END_OF_TEXT, START, END)])
    made.add_tokens([AddedToken(each, special=False, normalized=False) for each in CALL_TOKENS])
    return _wrapped(made)


def read(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer that was written with a model."""
    return _wrapped(Tokenizer.from_file(str(folder / "tokenizer.json")))


def _wrapped(made: Tokenizer) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]  # transformers leaves it untyped
        tokenizer_object=made,
        eos_token=END,
        extra_special_tokens=[START],
        pad_token=END_OF_TEXT,
        model_max_length=CONTEXT,
        chat_template=TEMPLATE.read_text(),
        clean_up_tokenization_spaces=False,
    )


def _splitting(pattern: str) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )


def _learned_pieces(texts: Sequence[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    learning = Tokenizer(models.BPE())
    learning.pre_tokenizer = _splitting(_BARE)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - SPACED,
        special_tokens=[END_OF_TEXT, START, END, *CALL_TOKENS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    learning.train_from_iterator(texts, trainer)
    learned = json.loads(learning.to_str())["model"]
    return learned["vocab"], [tuple(pair) for pair in learned["merges"]]


def _often_after_a_space(texts: Sequence[str], vocabulary: dict[str, int]) -> list[str]:
    """Whole lower-case words, digits and punctuation that most often follow a space."""
    splitting = _splitting(_PIECES)
    counted: Counter[str] = Counter()
    for text in texts:
        counted.update(piece for piece, _ in splitting.pre_tokenize_str(text))
    spaced = [
        piece[1:]
        for piece, _ in counted.most_common()
        if piece[0] == _SPACE and piece[1:] in vocabulary and piece[1:] == piece[1:].lower()
    ]
    return spaced[:SPACED]
