"""From texts to the token ids that a model reads, special ones around them; ids stay."""

from array import array
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from tokenizers import Tokenizer

from inference.engines import texts as limits
from inference.engines.base import ContextTooLong, InvalidGeneration, Text
from inference.engines.local.prompts import load_tokenizer

# A text far longer than so many of the longest tokens is not tokenised to learn its length.
FAR_BEYOND = 16


class TextTokens:
    """Used by one thread at a time. Special tokens inside a text are only their characters."""

    def __init__(self, folder: Path, vocabulary: int, context: int) -> None:
        self.context = context
        self._vocabulary = vocabulary
        self._tokenizer: Tokenizer = load_tokenizer(folder).backend_tokenizer
        # Folders of sentence-transformers ask for cutting and for padding of every single text.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._tokenizer.encode_special_tokens = True
        longest = max(map(len, self._tokenizer.get_vocab()))
        self._most_characters = FAR_BEYOND * longest * context

    def tokenise(self, texts: "Sequence[str | array[int]]") -> "list[array[int]]":
        """Raises InvalidGeneration, which names the input."""
        strings = [text for text in texts if isinstance(text, str)]
        self._refuse_endless(texts)
        encoded = iter(self._tokenizer.encode_batch_fast(strings, add_special_tokens=True))
        rows = [array("i", next(encoded).ids) if isinstance(text, str) else text for text in texts]
        limits.check([len(row) for row in rows], self.context)
        self.check(rows)
        return rows

    def check(self, rows: "Sequence[array[int]]") -> None:
        for place, row in enumerate(rows):
            if not 0 <= min(row) <= max(row) < self._vocabulary:
                raise InvalidGeneration(
                    f"Token ids of this model are 0 to {self._vocabulary - 1}.",
                    f"{limits.PARAM}[{place}]",
                )

    def _refuse_endless(self, texts: Sequence[Text]) -> None:
        for place, text in zip(count(), texts, strict=False):
            if isinstance(text, str) and len(text) > self._most_characters:
                raise ContextTooLong(
                    f"This input of {len(text):,} characters is far beyond the {self.context:,} "
                    "tokens that the model reads. Cut it into pieces.",
                    f"{limits.PARAM}[{place}]",
                )
