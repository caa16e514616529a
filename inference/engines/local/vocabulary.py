"""The bytes of every token, so that text is put together without asking a tokenizer again.

Two kinds of tokenizers are read: byte-level BPE (Llama 3, Qwen) and SentencePiece with byte
fallback (Llama 2, Mistral). Special tokens are no text.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from transformers import PreTrainedTokenizerFast

_FALLBACK = re.compile(r"<0x([0-9A-F]{2})>")
_SPACE = "\u2581"  # how SentencePiece writes a space
_SENTENCEPIECE = {"Replace", "ByteFallback", "Fuse", "Strip", "Metaspace"}


class UnsupportedTokenizer(Exception):
    """The tokenizer's way back to text is unknown here."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """`pieces[id]` are a token's bytes; `strips_first_space` as SentencePiece does.

    `specials` spells the special tokens, for those to whom some of them are text.
    """

    pieces: list[bytes]
    strips_first_space: bool
    specials: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def longest(self) -> int:
        return max(map(len, self.pieces))


def read(tokenizer: PreTrainedTokenizerFast, size: int) -> Vocabulary:
    """`size` is the model's: ids beyond the tokenizer's own are no text."""
    decoders = list(_decoders(json.loads(tokenizer.backend_tokenizer.decoder.__getstate__())))
    kinds = {decoder["type"] for decoder in decoders}
    byte_level = "ByteLevel" in kinds
    if not byte_level and not (kinds and kinds <= _SENTENCEPIECE):
        raise UnsupportedTokenizer(
            f"Its tokenizer decodes by {', '.join(sorted(kinds)) or 'nothing'}: only byte-level "
            "BPE and SentencePiece are supported."
        )
    to_bytes = _byte_level if byte_level else _sentencepiece
    pieces = [b""] * size
    for token, index in tokenizer.get_vocab().items():
        if index < size:
            pieces[index] = to_bytes(token)
    specials = {}
    for index, added in tokenizer.added_tokens_decoder.items():
        if index < size:
            spelled = added.content.encode()
            pieces[index] = b"" if added.special else spelled
            if added.special:
                specials[index] = spelled
    strips = bool(kinds & {"Strip", "Metaspace"})
    return Vocabulary(pieces, strips_first_space=strips, specials=specials)


def _decoders(state: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if state["type"] == "Sequence":
        for decoder in state["decoders"]:
            yield from _decoders(decoder)
    else:
        yield state


def _byte_level(token: str) -> bytes:
    return b"".join(_BYTES.get(character) or character.encode() for character in token)


def _sentencepiece(token: str) -> bytes:
    if fallback := _FALLBACK.fullmatch(token):
        return bytes([int(fallback[1], 16)])
    return token.replace(_SPACE, " ").encode()


def _byte_alphabet() -> dict[str, bytes]:
    """GPT-2's printable stand-ins: visible Latin-1 stays, other bytes follow from U+0100 on."""
    visible = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in visible]
    letters = {chr(byte): bytes([byte]) for byte in visible}
    return letters | {chr(0x100 + rank): bytes([byte]) for rank, byte in enumerate(hidden)}


_BYTES = _byte_alphabet()
