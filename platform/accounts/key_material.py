"""The text of API keys: `sk-` or `pk-`, 36 random base62 characters, 6 of checksum.

The checksum (CRC-32 of all before it, in base62) tells a mistyped or invented key from a real one
without asking the database. What is stored is the SHA-256 digest: 214 random bits need no salt.
"""

import hashlib
import re
import secrets
import string
import zlib
from dataclasses import dataclass
from typing import Final

SECRET: Final = "sk-"  # noqa: S105 - how secret keys begin, not one of them
PUBLISHABLE: Final = "pk-"
_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_SHAPE: Final = re.compile(r"(?:sk|pk)-[0-9A-Za-z]{42}")
_RANDOM: Final = 36
_CHECKSUM: Final = 6


@dataclass(frozen=True, slots=True)
class KeyMaterial:
    """A new key: `plaintext` is shown once and never stored."""

    plaintext: str

    @property
    def digest(self) -> str:
        return digest(self.plaintext)

    @property
    def prefix(self) -> str:
        return self.plaintext[: len(SECRET) + 4]

    @property
    def last4(self) -> str:
        return self.plaintext[-4:]

    def __repr__(self) -> str:
        return f"KeyMaterial({self.prefix}…{self.last4})"


def generate(prefix: str = SECRET) -> KeyMaterial:
    body = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return KeyMaterial(body + _checksum(body))


def is_well_formed(key: str) -> bool:
    """Whether this can be a key at all; says nothing about whether it exists."""
    return bool(_SHAPE.fullmatch(key)) and key[-_CHECKSUM:] == _checksum(key[:-_CHECKSUM])


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode())
    digits = []
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
