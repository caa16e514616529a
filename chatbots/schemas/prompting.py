"""What the prompt route takes and answers: a chat completion with its conversation and sources."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Discriminator, Field, StringConstraints, Tag

from inference.schemas.fields import ShortText, Strict, at_most

LONGEST_PROMPT = 64_000
MOST_MESSAGES = 200
PromptText = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_PROMPT)]
Label = Annotated[str, StringConstraints(max_length=64)]


class PromptMessage(Strict):
    role: Literal["user", "assistant"]
    content: PromptText


def _kind(value: object) -> str:
    return "(messages)" if isinstance(value, list) else "(text)"


class PromptRequest(Strict):
    """`input` is a message, or messages of which the last is the user's newest."""

    input: Annotated[
        Annotated[PromptText, Tag("(text)")]
        | Annotated[
            list[PromptMessage],
            Field(min_length=1, max_length=MOST_MESSAGES, fail_fast=True),
            Tag("(messages)"),
        ],
        Discriminator(_kind),
    ]
    conversation: ShortText | None = Field(
        default=None, description="Goes on with it; absent: a new one, named in the answer."
    )
    stream: bool | None = None
    metadata: Annotated[dict[Label, ShortText], at_most(16)] | None = None


class PromptSource(BaseModel):
    file_id: str
    filename: str
    number: int
    chunk_id: int
    page: int | None
    score: float
    quote: str


class PromptedMessage(BaseModel):
    role: Literal["assistant"]
    content: str
    refusal: None


class PromptChoice(BaseModel):
    index: int
    message: PromptedMessage
    logprobs: None
    finish_reason: Literal["stop", "length"]


class PromptUsage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cost: str


class PromptAnswer(BaseModel):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str = Field(description="`chatbot/<name>`.")
    choices: list[PromptChoice]
    usage: PromptUsage
    conversation: str = Field(description="Send it with the next prompt.")
    message_id: str
    sources: list[PromptSource] = Field(description="The passages that the answer cites.")


class PromptChunk(BaseModel):
    """`conversation` is in every chunk, `sources` and `usage` in the one with the finish reason."""

    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[dict[str, Any]]
    conversation: str
    message_id: str
    sources: list[PromptSource] | None = None
    usage: PromptUsage | None = None
