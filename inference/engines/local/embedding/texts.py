"""What a model's texts need: its token ids, and what computes them."""

from dataclasses import dataclass

from inference.engines.local.embedding.models import TextModel
from inference.engines.local.embedding.tokens import TextTokens


@dataclass(frozen=True, slots=True)
class TextSide:
    tokens: TextTokens
    model: TextModel
