"""How many tokens a prompt may have, where only the server that reads it can tell."""

import json
from dataclasses import dataclass
from typing import Final

from inference.engines.base import GenerationRequest, InvalidGeneration
from inference.engines.remote.asking import said

OF_A_MESSAGE: Final = 16
"""Tokens that a chat template puts around a message, at most; and around the whole prompt."""
BYTES_OF_A_TOKEN: Final = 8
"""More than an ordinary text has in any language; a text of rare long words may have more."""


@dataclass(frozen=True, slots=True)
class Count:
    """`most` is what is held: no tokeniser makes more tokens than a text has bytes. `least` is what
    is charged for a prompt whose server never told its usage. Equal where it was counted."""

    least: int
    most: int


def estimate(request: GenerationRequest) -> Count:
    if isinstance(request.prompt, tuple):
        return Count(len(request.prompt), len(request.prompt) + 1)  # the model's first token
    try:
        size = len(json.dumps(said(request), ensure_ascii=False).encode())
    except UnicodeEncodeError as error:
        raise InvalidGeneration(f"The request cannot be sent: {error}") from error
    around = OF_A_MESSAGE * (1 + len(request.messages) + len(request.tools))
    text = sum(len(message.content.encode()) for message in request.messages)
    if isinstance(request.prompt, str):
        text = len(request.prompt.encode())
    return Count(max(1, text // BYTES_OF_A_TOKEN), size + around)
