"""POST /v1/chat/completions: its 37 fields, three extensions, the way to the engine."""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    model_validator,
)
from pydantic_core import PydanticCustomError

from inference.engines.base import GenerationRequest, Message
from inference.schemas.fields import (
    GeneratingParams,
    ServiceTier,
    ShortText,
    Strict,
    Unsupported,
    at_most,
    refuse,
)

MAX_MESSAGES = 2048
Label = Annotated[str, StringConstraints(max_length=64)]
ENGINE_ROLES = {"developer": "system", "function": "tool"}  # the others keep their name


class TextPart(Strict):
    type: Literal["text"]
    text: str


class RefusalPart(Strict):
    type: Literal["refusal"]
    refusal: str


class OnlyText(Strict):
    """Any other part: images, audio and files are refused here by the name of their type."""

    type: Literal["text", "refusal"]


def _kind_of_part(part: object) -> str:
    kind = part.get("type") if isinstance(part, dict) else None
    return f"({kind})" if kind in ("text", "refusal") else "(other)"


def _kind_of_content(content: object) -> str:
    return "(parts)" if isinstance(content, list) else "(string)"


Part = Annotated[
    Annotated[TextPart, Tag("(text)")]
    | Annotated[RefusalPart, Tag("(refusal)")]
    | Annotated[OnlyText, Tag("(other)")],
    Discriminator(_kind_of_part),
]
Content = Annotated[
    Annotated[str, Tag("(string)")]
    | Annotated[
        list[Part], Field(min_length=1, max_length=MAX_MESSAGES, fail_fast=True), Tag("(parts)")
    ],
    Discriminator(_kind_of_content),
]


class ChatMessage(Strict):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Content | None = None
    name: ShortText | None = None
    refusal: str | None = None
    tool_call_id: ShortText | None = None
    tool_calls: Unsupported = None
    function_call: Unsupported = None
    audio: Unsupported = None

    @model_validator(mode="after")
    def _complete_for_its_role(self) -> Self:
        if self.content is None and not (self.role == "assistant" and self.refusal):
            raise refuse("content", f"a message of role {self.role} needs it")
        if self.role == "tool" and self.tool_call_id is None:
            raise refuse("tool_call_id", "a message of role tool needs it")
        if self.role == "function" and self.name is None:
            raise refuse("name", "a message of role function needs it")
        return self

    def for_engine(self) -> Message:
        return Message(ENGINE_ROLES.get(self.role, self.role), self._text(), self.name)

    def _text(self) -> str:
        if isinstance(self.content, str):
            return self.content
        if self.content is None:
            return self.refusal or ""
        return "\n".join(_text_of(part) for part in self.content)


def _text_of(part: TextPart | RefusalPart | OnlyText) -> str:
    if isinstance(part, TextPart):
        return part.text
    return part.refusal if isinstance(part, RefusalPart) else ""


class TextFormat(Strict):
    type: Literal["text"]


def _plain_text(response_format: object) -> object:
    if isinstance(response_format, dict) and response_format.get("type") != "text":
        raise PydanticCustomError("unsupported", "only the type 'text' is supported")
    return response_format


class ChatCompletionRequest(GeneratingParams):
    messages: Annotated[
        list[ChatMessage], Field(min_length=1, max_length=MAX_MESSAGES, fail_fast=True)
    ]
    max_completion_tokens: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    max_tokens: Annotated[int, Field(ge=1, lt=2**31)] | None = Field(
        None, description="The older name of max_completion_tokens, which wins over it."
    )
    logprobs: bool | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    modalities: Annotated[list[Literal["text"]], Field(max_length=1)] | None = None
    response_format: Annotated[TextFormat | None, BeforeValidator(_plain_text)] = None
    # Hints and labels without an influence on the answer: checked, then left alone.
    metadata: Annotated[dict[Label, ShortText], at_most(16)] | None = None
    parallel_tool_calls: bool | None = None
    prediction: dict[str, Any] | None = None
    prompt_cache_key: ShortText | None = None
    prompt_cache_options: dict[str, Any] | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = (
        None
    )
    safety_identifier: Label | None = None
    service_tier: ServiceTier | None = None
    store: bool | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    # What would change the answer, and is not served.
    audio: Unsupported = None
    function_call: Unsupported = None
    functions: Unsupported = None
    moderation: Unsupported = None
    tool_choice: Unsupported = None
    tools: Unsupported = None
    web_search_options: Unsupported = None

    @model_validator(mode="after")
    def _top_logprobs_need_logprobs(self) -> Self:
        if self.top_logprobs is not None and not self.logprobs:
            raise refuse("top_logprobs", "it is only allowed together with logprobs: true")
        return self

    @property
    def output_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def wants_logprobs(self) -> bool:
        return bool(self.logprobs)

    def generations(self, generation_id: str, model: str, tenant: str) -> list[GenerationRequest]:
        sampling = self.sampling(logprobs=self.wants_logprobs, top_logprobs=self.top_logprobs or 0)
        messages = tuple(message.for_engine() for message in self.messages)
        return [GenerationRequest(generation_id, model, sampling, messages=messages, tenant=tenant)]
