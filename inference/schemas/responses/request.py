"""POST /v1/responses: its 33 fields, some extensions, and which of them the engine must know."""

from functools import cached_property
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from inference.engines.base import ResponseFormat, SamplingParams, Tool, ToolChoice
from inference.schemas.fields import (
    INT64,
    Penalty,
    ServiceTier,
    ShortText,
    Strict,
    Unsupported,
    at_most,
    refuse,
)
from inference.schemas.formats import ResponsesFormat, TextFormat
from inference.schemas.responses.items import InputItem, InputItems, MessageItem
from inference.schemas.responses.tools import (
    CustomTool,
    NamedChoice,
    Tools,
    chosen,
    require_different_names,
)
from inference.schemas.tools import Mode

LOGPROBS = "message.output_text.logprobs"
Label = Annotated[str, StringConstraints(max_length=64)]
Summary = Literal["auto", "concise", "detailed"]
Include = Literal[
    "file_search_call.results",
    "web_search_call.results",
    "web_search_call.action.sources",
    "message.input_image.image_url",
    "computer_call_output.output.image_url",
    "code_interpreter_call.outputs",
    "reasoning.encrypted_content",
    "message.output_text.logprobs",
]


class TextConfig(Strict):
    format: ResponsesFormat | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class Reasoning(Strict):
    """Accepted and echoed: the models served here write no hidden reasoning."""

    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Summary | None = None
    generate_summary: Summary | None = None
    context: Literal["auto", "current_turn", "all_turns"] | None = None
    mode: ShortText | None = None


class StreamOptions(Strict):
    include_obfuscation: bool | None = Field(None, description="Accepted; nothing is added.")


class ConversationReference(Strict):
    id: ShortText


def _as_reference(conversation: object) -> object:
    return {"id": conversation} if isinstance(conversation, str) else conversation


def _kind_of_input(value: object) -> str:
    return "(items)" if isinstance(value, list) else "(string)"


def _kind_of_choice(value: object) -> str:
    return "(string)" if isinstance(value, str) else "(object)"


class ResponseRequest(Strict):
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="Absent: your organisation's default model."
    )
    input: (
        Annotated[
            Annotated[str, Tag("(string)")] | Annotated[InputItems, Tag("(items)")],
            Discriminator(_kind_of_input),
        ]
        | None
    ) = None
    instructions: str | None = None
    previous_response_id: ShortText | None = None
    conversation: Annotated[ConversationReference, BeforeValidator(_as_reference)] | None = None
    tools: Tools | None = None
    tool_choice: (
        Annotated[
            Annotated[Mode, Tag("(string)")] | Annotated[NamedChoice, Tag("(object)")],
            Discriminator(_kind_of_choice),
        ]
        | None
    ) = None
    parallel_tool_calls: bool | None = None
    max_tool_calls: Annotated[int, Field(ge=0, lt=2**31)] | None = Field(
        None, description="Of tools that the server runs; there are none."
    )
    text: TextConfig | None = None
    max_output_tokens: Annotated[int, Field(ge=1, lt=2**31)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    top_logprobs: Annotated[int, Field(ge=0, le=20)] | None = None
    include: Annotated[list[Include], Field(max_length=16)] | None = None
    truncation: Literal["auto", "disabled"] | None = None
    store: bool | None = None
    background: bool | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    # Hints and labels without an influence on the answer: checked, echoed, then left alone.
    metadata: Annotated[dict[Label, ShortText], at_most(16)] | None = None
    reasoning: Reasoning | None = None
    prompt_cache_key: ShortText | None = None
    prompt_cache_options: dict[str, Any] | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    safety_identifier: Label | None = None
    service_tier: ServiceTier | None = None
    user: ShortText | None = None
    image: dict[str, Any] | None = Field(None, description="How images are read; there are none.")
    access_programs: dict[str, Any] | None = None
    # Extensions: what chat completions have, too.
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: Annotated[int, Field(ge=-INT64, lt=INT64)] | None = None
    top_k: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    min_p: Annotated[float, Field(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0, le=2)] | None = None
    # What would change the answer, and is not served.
    context_management: Unsupported = None
    moderation: Unsupported = None
    prompt: Unsupported = None

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.conversation and self.previous_response_id:
            raise refuse("conversation", "give it or previous_response_id, not both")
        if self.stream_options is not None and not self.stream:
            raise refuse("stream_options", "it is only allowed together with stream: true")
        if self.background and self.store is False:
            raise refuse("background", "an answer in the background has to be stored")
        if self.input is None and not (self.previous_response_id or self.conversation):
            raise refuse("input", "give it, previous_response_id or conversation")
        if self.prompt_cache_options and self.prompt_cache_options.get("prewarm"):
            raise refuse("prompt_cache_options.prewarm", "this server does not support it")
        require_different_names(self.tools or ())
        chosen(self.tool_choice, self.tools or ())
        return self

    @property
    def stored(self) -> bool:
        return self.store is not False

    @property
    def items(self) -> list[InputItem]:
        if isinstance(self.input, str):
            return [MessageItem(role="user", content=self.input)]
        return self.input or []

    @property
    def wants_logprobs(self) -> bool:
        return LOGPROBS in (self.include or ()) or bool(self.top_logprobs)

    @cached_property
    def sampling(self) -> SamplingParams:
        """Whatever is absent or null keeps the engine's (OpenAI's) default."""
        given = {name: value for name in SAMPLED if (value := getattr(self, name)) is not None}
        logprobs = self.wants_logprobs
        return SamplingParams(**given, logprobs=logprobs, top_logprobs=self.top_logprobs or 0)

    @property
    def engine_tools(self) -> tuple[Tool, ...]:
        return tuple(tool.for_engine() for tool in self.tools or ())

    @property
    def engine_choice(self) -> ToolChoice:
        return chosen(self.tool_choice, self.tools or ())

    @property
    def format(self) -> ResponseFormat | None:
        return self.asked_format.for_engine()

    @property
    def asked_format(self) -> ResponsesFormat:
        return (self.text and self.text.format) or TextFormat(type="text")

    @property
    def custom_tools(self) -> frozenset[str]:
        return frozenset(tool.name for tool in self.tools or () if isinstance(tool, CustomTool))


SAMPLED = (
    "temperature", "top_p", "top_k", "min_p", "presence_penalty", "frequency_penalty",
    "repetition_penalty", "seed",
)  # fmt: skip
