"""What a server may send as an event of its stream, of chat completions and of completions."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

MOST_CALLS: Final = 128
Tokens = Annotated[int, Field(ge=0, le=10**9)]
Place = Annotated[int, Field(ge=0, lt=MOST_CALLS)]


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Function(_Said):
    name: str | None = None
    arguments: str | None = None


class Call(_Said):
    index: Place | None = None
    id: str | None = None
    function: Function | None = None

    @property
    def place(self) -> int:
        return self.index or 0

    @property
    def arguments(self) -> str:
        return (self.function and self.function.arguments) or ""


class Words(_Said):
    content: str | None = None
    tool_calls: list[Call] | None = None
    reasoning: str | None = None
    reasoning_content: str | None = None


class Alternative(_Said):
    token: str
    logprob: float
    bytes: list[Annotated[int, Field(ge=0, le=255)]] | None = None


class Logprob(Alternative):
    top_logprobs: list[Alternative] = []


class Logprobs(_Said):
    """`content` is how chats tell them, the lists beside each other how completions do."""

    content: list[Logprob] | None = None
    tokens: list[str] = []
    token_logprobs: list[float | None] = []
    top_logprobs: list[dict[str, float] | None] | None = None


class Choice(_Said):
    index: Annotated[int, Field(ge=0)] = 0
    delta: Words = Words()
    text: str | None = None
    logprobs: Logprobs | None = None
    finish_reason: str | None = None


class Details(_Said):
    cached_tokens: Tokens | None = None


class Usage(_Said):
    prompt_tokens: Tokens
    completion_tokens: Annotated[Tokens, BeforeValidator(lambda told: told or 0)] = 0
    prompt_tokens_details: Details | None = None

    @property
    def cached(self) -> int:
        return (self.prompt_tokens_details and self.prompt_tokens_details.cached_tokens) or 0


class Chunk(_Said):
    choices: list[Choice] = []
    usage: Usage | None = None
    error: Any = None
