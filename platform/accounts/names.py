"""What people may call an organisation or a key, and what a model can be called."""

import unicodedata
from typing import Final

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

LONGEST: Final = 120
LONGEST_MODEL: Final = 200
_UNSEEN: Final = {"Cc", "Cs", "Zl", "Zp"}
"""Control characters, halves of characters, line breaks."""


def require_name(text: str) -> None:
    """A Django validator."""
    is_unseen = any(unicodedata.category(character) in _UNSEEN for character in text)
    if is_unseen or not 0 < len(text.strip()) <= LONGEST:
        said = _("A name has 1 to %(most)d characters, and none of them is a control character.")
        raise ValidationError(said % {"most": LONGEST})


require_model_name = RegexValidator(
    r"\A[A-Za-z0-9][A-Za-z0-9._:/@+-]*\Z",
    gettext_lazy(
        "A model's name has letters, digits and . _ : / @ + - and begins with a letter or digit."
    ),
)
"""A Django validator, beside a max_length of LONGEST_MODEL."""
