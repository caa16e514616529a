"""POST /v1/chat/completions: its 37 fields, three extensions, the way to the engine."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, StringConstraints, Tag, model_validator

from inference.engines.base import GenerationRequest, ToolChoice
from inference.schemas import messages
from inference.schemas.fields import (
    GeneratingParams,
    ServiceTier,
    ShortText,
    Strict,
    Unsupported,
    at_most,
    refuse,
)
from inference.schemas.formats import ChatFormat
from inference.schemas.messages import MAX_MESSAGES, ChatMessage
from inference.schemas.tools import (
    MAX_TOOLS,
    Function,
    FunctionReference,
    FunctionTool,
    Mode,
    choose,
    require_different_names,
)

Label = Annotated[str, StringConstraints(max_length=64)]


class NamedTool(Strict):
    type: Literal["function"]
    function: FunctionReference


class AllowedTools(Strict):
    mode: Literal["auto", "required"]
    tools: Annotated[list[NamedTool], Field(min_length=1, max_length=MAX_TOOLS, fail_fast=True)]


class AllowedToolsChoice(Strict):
    type: Literal["allowed_tools"]
    allowed_tools: AllowedTools


def _kind_of_choice(choice: object) -> str:
    if not isinstance(choice, dict):
        return "(mode)"
    return "(allowed)" if choice.get("type") == "allowed_tools" else "(named)"


ChatToolChoice = Annotated[
    Annotated[Mode, Tag("(mode)")]
    | Annotated[NamedTool, Tag("(named)")]
    | Annotated[AllowedToolsChoice, Tag("(allowed)")],
    Discriminator(_kind_of_choice),
]
FunctionChoice = Annotated[
    Annotated[Literal["none", "auto"], Tag("(mode)")]
    | Annotated[FunctionReference, Tag("(named)")],
    Discriminator(_kind_of_choice),
]


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
    response_format: ChatFormat | None = None
    tools: (
        Annotated[list[FunctionTool], Field(min_length=1, max_length=MAX_TOOLS, fail_fast=True)]
        | None
    ) = None
    tool_choice: ChatToolChoice | None = Field(None, description="Absent: 'auto'.")
    parallel_tool_calls: bool | None = Field(None, description="Absent: true.")
    functions: (
        Annotated[list[Function], Field(min_length=1, max_length=MAX_TOOLS, fail_fast=True)] | None
    ) = Field(None, description="The older form of tools.")
    function_call: FunctionChoice | None = Field(None, description="The older form of tool_choice.")
    # Hints and labels without an influence on the answer: checked, then left alone.
    metadata: Annotated[dict[Label, ShortText], at_most(16)] | None = None
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
    moderation: Unsupported = None
    web_search_options: Unsupported = None

    @model_validator(mode="after")
    def _top_logprobs_need_logprobs(self) -> Self:
        if self.top_logprobs is not None and not self.logprobs:
            raise refuse("top_logprobs", "it is only allowed together with logprobs: true")
        return self

    @model_validator(mode="after")
    def _tools_go_together(self) -> Self:
        if self.tool_choice is not None and not self.tools:
            raise refuse("tool_choice", "it is only allowed together with tools")
        if self.function_call is not None and not self.functions:
            raise refuse("function_call", "it is only allowed together with functions")
        if self.tools and self.functions:
            raise refuse("functions", "it is the older form of tools; send one of them")
        require_different_names(
            self.offered, "functions[{}].name" if self.functions else "tools[{}].function.name"
        )
        self.choice()
        messages.require_answered_calls(self.messages)
        return self

    @property
    def offered(self) -> list[Function]:
        return self.functions or [tool.function for tool in self.tools or ()]

    @property
    def must_call_one(self) -> bool:
        """A certain function was asked for: then to have called it is no reason to end."""
        return isinstance(self.tool_choice, NamedTool) or isinstance(
            self.function_call, FunctionReference
        )

    def choice(self) -> ToolChoice:
        chosen = self.tool_choice if self.functions is None else self.function_call
        param = "tool_choice" if self.functions is None else "function_call"
        match chosen:
            case None:
                return ToolChoice()
            case NamedTool(function=named) | (FunctionReference() as named):
                return choose(self.offered, "required", [named.name], param)
            case AllowedToolsChoice(allowed_tools=allowed):
                names = [tool.function.name for tool in allowed.tools]
                return choose(self.offered, allowed.mode, names, param)
        return ToolChoice(chosen)

    @property
    def output_limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    @property
    def wants_logprobs(self) -> bool:
        return bool(self.logprobs)

    def generations(self, generation_id: str, model: str, tenant: str) -> list[GenerationRequest]:
        sampling = self.sampling(logprobs=self.wants_logprobs, top_logprobs=self.top_logprobs or 0)
        form = self.response_format
        return [
            GenerationRequest(
                generation_id,
                model,
                sampling,
                messages=messages.for_engine(self.messages),
                tenant=tenant,
                tools=tuple(function.for_engine() for function in self.offered),
                tool_choice=self.choice(),
                parallel_tool_calls=self.parallel_tool_calls is not False and not self.functions,
                response_format=form.for_engine() if form else None,
            )
        ]
