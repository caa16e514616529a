"""What the generating endpoints answer, for the API's description; tests hold answers to it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FinishReason = Literal["stop", "length"]
ChatFinishReason = Literal["stop", "length", "tool_calls", "function_call"]


class Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class PromptTokensDetails(Shape):
    cached_tokens: int
    audio_tokens: int


class CompletionTokensDetails(Shape):
    reasoning_tokens: int
    audio_tokens: int
    accepted_prediction_tokens: int
    rejected_prediction_tokens: int


class TokenUsage(Shape):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    prompt_tokens_details: PromptTokensDetails
    completion_tokens_details: CompletionTokensDetails
    cost: str = Field(description="What the call cost, in USD: an exact decimal.")


class AlternativeLogprob(Shape):
    token: str
    logprob: float
    bytes: list[int]


class TokenLogprob(AlternativeLogprob):
    top_logprobs: list[AlternativeLogprob]


class ChatLogprobs(Shape):
    content: list[TokenLogprob]
    refusal: None


class CalledFunction(Shape):
    name: str
    arguments: str = Field(description="JSON text; valid unless cut by length.")


class FunctionToolCallMade(Shape):
    id: str
    type: Literal["function"]
    function: CalledFunction


class AssistantMessage(Shape):
    role: Literal["assistant"]
    content: str | None = Field(description="Null where there are only tool calls.")
    refusal: None
    tool_calls: list[FunctionToolCallMade] = Field([], description="Absent where there are none.")
    function_call: CalledFunction | None = Field(None, description="Asked for with functions.")


class ChatChoice(Shape):
    index: int
    message: AssistantMessage
    logprobs: ChatLogprobs | None
    finish_reason: ChatFinishReason


class ChatCompletion(Shape):
    id: str
    object: Literal["chat.completion"]
    created: int
    model: str
    choices: list[ChatChoice]
    usage: TokenUsage


class FunctionDelta(Shape):
    name: str | None = Field(None, description="Only in a call's first piece.")
    arguments: str = Field(description="The pieces make JSON text.")


class ToolCallPiece(Shape):
    index: int
    id: str | None = Field(None, description="Only in a call's first piece.")
    type: Literal["function"] | None = Field(None, description="Only in a call's first piece.")
    function: FunctionDelta


class ChatDelta(Shape):
    """The first has the role, the last nothing."""

    role: Literal["assistant"] | None = None
    content: str | None = None
    refusal: None = None
    tool_calls: list[ToolCallPiece] = Field([], description="Absent where there are none.")
    function_call: FunctionDelta | None = Field(None, description="Asked for with functions.")


class ChatChunkChoice(Shape):
    index: int
    delta: ChatDelta
    logprobs: ChatLogprobs | None
    finish_reason: ChatFinishReason | None


class ChatCompletionChunk(Shape):
    id: str
    object: Literal["chat.completion.chunk"]
    created: int
    model: str
    choices: list[ChatChunkChoice]
    usage: TokenUsage | None = Field(None, description="Only with stream_options.include_usage.")


class LegacyLogprobs(Shape):
    tokens: list[str]
    token_logprobs: list[float | None] = Field(description="Null for an echoed prompt's first.")
    top_logprobs: list[dict[str, float] | None]
    text_offset: list[int]


class CompletionChoice(Shape):
    index: int
    text: str
    logprobs: LegacyLogprobs | None
    finish_reason: FinishReason | None = Field(description="Null in chunks before the last.")


class Completion(Shape):
    id: str
    object: Literal["text_completion"]
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: TokenUsage | None = Field(None, description="In a stream as in chat completions.")
