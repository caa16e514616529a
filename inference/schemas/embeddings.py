"""POST /v1/embeddings: texts or token ids in, vectors out."""

from typing import Annotated, Literal

from pydantic import BaseModel, Discriminator, Field, StringConstraints, Tag

from inference.engines.base import Text
from inference.engines.texts import MAX_TOKENS
from inference.schemas.fields import ModelName, ShortText, Strict, TokenID

MAX_INPUTS = 2_048
MAX_DIMENSIONS = 65_536


def kind_of_input(value: object) -> str:
    if not isinstance(value, list) or not value:
        return "(string)" if not isinstance(value, list) else "(strings)"
    first = value[0]
    if isinstance(first, list):
        return "(token lists)"
    return "(tokens)" if isinstance(first, int) else "(strings)"


# fail_fast: one error an item would keep everybody else waiting for seconds.
Tokens = Annotated[list[TokenID], Field(min_length=1, max_length=MAX_TOKENS, fail_fast=True)]
Characters = Annotated[str, StringConstraints(min_length=1)]
Several = Field(min_length=1, max_length=MAX_INPUTS, fail_fast=True)
Input = Annotated[
    Annotated[Characters, Tag("(string)")]
    | Annotated[list[Characters], Several, Tag("(strings)")]
    | Annotated[Tokens, Tag("(tokens)")]
    | Annotated[list[Tokens], Several, Tag("(token lists)")],
    Discriminator(kind_of_input),
]


class EmbeddingRequest(Strict):
    input: Input = Field(
        description=f"At most {MAX_INPUTS:,} inputs and {MAX_TOKENS:,} tokens, each input at most "
        "the model's context window. Token ids are taken as they are."
    )
    model: ModelName | None = Field(None, description="Absent: your organisation's default model.")
    encoding_format: Literal["float", "base64"] | None = Field(
        None, description="base64: little-endian 32-bit floats. Absent: float."
    )
    dimensions: Annotated[int, Field(ge=1, le=MAX_DIMENSIONS)] | None = Field(
        None, description="Keep so many numbers of each vector and make its length 1 again."
    )
    user: ShortText | None = None

    @property
    def texts(self) -> list[Text]:
        if isinstance(self.input, str):
            return [self.input]
        whole = [part for part in self.input if isinstance(part, int)]
        return [whole] if whole else [part for part in self.input if not isinstance(part, int)]

    @property
    def is_one(self) -> bool:
        """One input, which is no list of inputs."""
        return isinstance(self.input, str) or isinstance(self.input[0], int)


class Embedding(BaseModel):
    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class ReadingUsage(BaseModel):
    """`cost` is what the call cost, in USD."""

    prompt_tokens: int
    total_tokens: int
    cost: str


class EmbeddingList(BaseModel):
    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: ReadingUsage
