"""Text into chunks of at most so many tokens that overlap, cut where a reader would cut.

A token is reckoned as four bytes of UTF-8: near to what tokenizers of English make of it, the same
for every model, and a bound on every chunk whatever it holds.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from semantic_text_splitter import TextSplitter

from files.extraction import Section

BYTES_PER_TOKEN: Final = 4


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    page: int | None
    tokens: int


def cut(sections: Iterable[Section], largest: int, overlap: int) -> Iterator[Piece]:
    """Pieces in order, none blank, each within one section: its page is exact."""
    splitter = TextSplitter.from_callback(tokens_of, largest, overlap=overlap)
    for section in sections:
        for text in splitter.chunks(_storable(section.text)):
            yield Piece(text, section.page, tokens_of(text))


def parts(text: str, most_bytes: int) -> list[str]:
    """Of a chunk, for a model that reads less at once; the first of them is never blank."""
    return TextSplitter.from_callback(_bytes_of, most_bytes).chunks(text)


def tokens_of(text: str) -> int:
    return -(-_bytes_of(text) // BYTES_PER_TOKEN)


def _bytes_of(text: str) -> int:
    return len(text.encode())


def _storable(text: str) -> str:
    """PDFs may speak of halves of characters, which UTF-8 has no bytes for."""
    return text.encode(errors="replace").decode()
