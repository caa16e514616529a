"""Numbers as they stand in a sentence, with the separators of the reader's language."""

from decimal import Decimal
from typing import Final

from django.utils.translation import get_language

_SWAPPED: Final = str.maketrans(",.", ".,")


def written(number: float | Decimal, places: int = 0) -> str:
    """`1,234.5`, and `1.234,5` in German."""
    text = f"{number:,.{places}f}"
    german = (get_language() or "").startswith("de")
    return text.translate(_SWAPPED) if german else text
