"""POST /v1/moderations: texts in, what a classifier says of them out."""

from typing import Annotated, Literal

from pydantic import BaseModel, Discriminator, Field, StringConstraints, Tag

from inference.engines.texts import MAX_TOKENS
from inference.schemas.embeddings import MAX_INPUTS, ReadingUsage
from inference.schemas.fields import ModelName, Strict, by_type


def _kind_of_input(value: object) -> str:
    if not isinstance(value, list):
        return "(string)"
    return "(parts)" if value and isinstance(value[0], dict) else "(strings)"


class TextPart(Strict):
    type: Literal["text"]
    text: Annotated[str, StringConstraints(min_length=1)]


Part = Annotated[Annotated[TextPart, Tag("(text)")], by_type("text")]
Several = Field(min_length=1, max_length=MAX_INPUTS, fail_fast=True)
Characters = Annotated[str, StringConstraints(min_length=1)]
Input = Annotated[
    Annotated[Characters, Tag("(string)")]
    | Annotated[list[Characters], Several, Tag("(strings)")]
    | Annotated[list[Part], Several, Tag("(parts)")],
    Discriminator(_kind_of_input),
]


class ModerationRequest(Strict):
    input: Input = Field(
        description=f"A text, at most {MAX_INPUTS:,} texts ({MAX_TOKENS:,} tokens in all), or the "
        "parts of one text. Images cannot be judged."
    )
    model: ModelName | None = Field(
        None, description="Absent: the first installed model that serves moderations."
    )

    @property
    def texts(self) -> list[str]:
        if isinstance(self.input, str):
            return [self.input]
        parts = [part.text for part in self.input if isinstance(part, TextPart)]
        return ["\n".join(parts)] if parts else [x for x in self.input if isinstance(x, str)]

    @property
    def is_one(self) -> bool:
        """One text, which is no list of texts."""
        return isinstance(self.input, str) or isinstance(self.input[0], TextPart)


class Verdict(BaseModel):
    """OpenAI's categories always, then the model's other labels under their own names."""

    flagged: bool
    categories: dict[str, bool]
    category_scores: dict[str, float]
    category_applied_input_types: dict[str, list[Literal["text"]]]


class Moderation(BaseModel):
    id: str
    model: str
    results: list[Verdict]
    usage: ReadingUsage
