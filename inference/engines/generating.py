"""Of engines that generate, and make nothing else of texts."""

from collections.abc import Sequence
from typing import NoReturn

from inference.engines.base import Classified, Embedded, InvalidGeneration, Text, Tokenised


class OnlyGenerates:
    async def tokenise(self, texts: Sequence[Text]) -> Tokenised:
        _refuse()

    async def embed(self, texts: Sequence[Text], *, tenant: str = "") -> Embedded:
        _refuse()

    async def classify(self, texts: Sequence[Text], *, tenant: str = "") -> Classified:
        _refuse()


def _refuse() -> NoReturn:
    raise InvalidGeneration("This model generates; it does not make vectors of texts.", "model")
