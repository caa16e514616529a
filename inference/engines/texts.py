"""How many texts one request may bring to be read, and how long they may be."""

from collections.abc import Sequence
from typing import Final

from inference.engines.base import ContextTooLong, InvalidGeneration

MAX_TEXTS: Final = 2_048
MAX_TOKENS: Final = 300_000
PARAM: Final = "input"


def check(tokens: Sequence[int], context: int) -> None:
    """`tokens` are the texts' lengths. Raises InvalidGeneration."""
    if not 0 < len(tokens) <= MAX_TEXTS:
        raise InvalidGeneration(f"Send 1 to {MAX_TEXTS:,} inputs at once.", PARAM)
    for place, count in enumerate(tokens):
        if not count:
            raise InvalidGeneration("An input is empty.", f"{PARAM}[{place}]")
        if count > context:
            raise ContextTooLong(
                f"This input has {count:,} tokens, and the model reads at most {context:,}. "
                "Cut it into pieces.",
                f"{PARAM}[{place}]",
            )
    if (total := sum(tokens)) > MAX_TOKENS:
        raise InvalidGeneration(
            f"These inputs have {total:,} tokens together; at most {MAX_TOKENS:,} can be read at "
            "once. Send them in several requests.",
            PARAM,
        )
