"""The engine protocol: what a gateway asks of anything that generates text, and what it gets back.

Life of a generation: `prepare` renders, tokenises and counts the prompt; the caller pays for it;
`generate` streams. Leaving the iterator cancels the sequence at the engine's next step. Texts that
are only read: `tokenise` counts them, the caller pays, `embed` (or `classify`) makes numbers of
them. Nothing here, or below, knows Django, HTTP or money.

Errors (all `EngineError`):
    EngineError
    ├── InvalidGeneration        the request can never work (names the parameter)
    │   └── ContextTooLong       prompt and output do not fit the context window
    ├── EngineOverloaded         the queue is full (carries seconds to wait)
    ├── EngineUnavailable        no engine answers for this model (not started, died, not loaded)
    └── GenerationFailed         the engine answered and then failed for this request
"""

from array import array
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

FinishReason = Literal["stop", "length", "tool_calls"]
Text = str | Sequence[int]
"""A text to be read: characters, or token ids, which are taken as they are."""


class EngineError(Exception):
    """Anything an engine refuses or fails at."""


class InvalidGeneration(EngineError):
    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param


class ContextTooLong(InvalidGeneration):
    """The prompt leaves no room for one token of output."""


class EngineOverloaded(EngineError):
    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EngineUnavailable(EngineError):
    """The model's engine is not running; it may come back by itself."""


class GenerationFailed(EngineError):
    """The engine broke down in the middle of this request."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model made. `arguments` is JSON text, as the model wrote it."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message, its content reduced to text (roles: system, user, assistant, tool).

    An assistant's message may hold the calls it made; a tool's answers the call `tool_call_id`.
    """

    role: str
    content: str
    name: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call. `parameters` is a JSON schema; None: no arguments.

    Arguments of a `strict` tool always fit the schema, and a schema that cannot be enforced is
    refused; without it they fit as far as the schema can be enforced.
    """

    name: str
    description: str | None = None
    parameters: Mapping[str, Any] | None = None
    strict: bool = False


@dataclass(frozen=True, slots=True)
class ToolChoice:
    """`required`: at least one call, and nothing else. `names`: only these may be called."""

    mode: Literal["auto", "none", "required"] = "auto"
    names: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ResponseFormat:
    """The answer is JSON: any object, or what `schema` says. Valid unless cut by length."""

    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How tokens are chosen. Defaults are OpenAI's; a filter is off at 0 or 1."""

    temperature: float = 1.0  # 0 = greedy
    top_p: float = 1.0
    top_k: int = 0  # 0 = all
    min_p: float = 0.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    seed: int | None = None
    stop: tuple[str, ...] = ()
    n: int = 1
    logprobs: bool = False
    top_logprobs: int = 0  # 0..20, alternatives beside the chosen token
    ignore_eos: bool = False  # benchmarks only: always run to max_tokens


@dataclass(frozen=True, slots=True)
class GenerationRequest:
    """What to generate from: either chat messages, or a prompt as text or token ids.

    `tenant` is the organisation (fair queueing); `deadline` is in seconds from submission.
    `echo` (prompts only) gives the prompt back before the answer, with its log-probabilities if
    `sampling.logprobs`; then no output at all (`max_tokens` 0) is allowed. `suffix` (text prompts
    only) is what comes after the text to be written, for models that were taught to fill in.
    """

    id: str
    model: str
    sampling: SamplingParams
    messages: tuple[Message, ...] = ()
    prompt: str | tuple[int, ...] | None = None
    tenant: str = ""
    adapter: str | None = None
    deadline: float | None = None
    priority: int = 0
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = ToolChoice()
    parallel_tool_calls: bool = True
    response_format: ResponseFormat | None = None
    echo: bool = False
    suffix: str | None = None


@dataclass(frozen=True, slots=True)
class Prepared:
    """A counted request, ready to generate. The engine keeps its tokens for a minute."""

    request: GenerationRequest
    prompt_tokens: int  # of an engine that cannot count them before: never less than they will be
    max_output: int  # context window minus prompt: the most that `generate` will accept

    def drop(self) -> None:
        """Nothing will be generated from it: the engine need not keep it."""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token with its log-probability; `raw` is its bytes (a character may span tokens).

    The first token of an echoed prompt follows nothing, so it has no log-probability.
    """

    token: str
    logprob: float | None
    raw: bytes
    top: tuple["TokenLogprob", ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A piece of the choice's call number `index`; its first piece, and no other, has id and name.

    The pieces of `arguments` make JSON text.
    """

    index: int
    arguments: str
    id: str | None = None
    name: str | None = None


@dataclass(slots=True)  # one for every token: to make a frozen one takes six times as long
class Delta:
    """What one step gave one choice. Never splits a character, never holds text of a stop string.

    `completion_tokens` is the choice's running total, so a lost delta never loses money.
    `cached_tokens` counts prompt tokens served from a prefix cache. Tool calls come after `text`.
    `prompt_tokens` is for engines that know only now: 0 says that `prepare` has counted them.
    """

    index: int
    text: str
    completion_tokens: int
    finish_reason: FinishReason | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    cached_tokens: int = 0
    tool_calls: tuple[ToolCallDelta, ...] = ()
    prompt_tokens: int = 0


def joined(earlier: Delta, later: Delta) -> Delta:
    """Two deltas of one choice as one, for readers slower than the engine."""
    return Delta(
        later.index,
        earlier.text + later.text,
        later.completion_tokens,
        later.finish_reason,
        earlier.logprobs + later.logprobs,
        max(earlier.cached_tokens, later.cached_tokens),
        earlier.tool_calls + later.tool_calls,
        later.prompt_tokens or earlier.prompt_tokens,
    )


@dataclass(frozen=True, slots=True)
class Tokenised:
    """Texts as the model will read them (C ints), and how many numbers it makes of each."""

    texts: "list[array[int]]"
    width: int

    @property
    def tokens(self) -> int:
        return sum(map(len, self.texts))


@dataclass(frozen=True, slots=True)
class Embedded:
    """A vector of C floats for each text, in the order of the texts."""

    vectors: "list[array[float]]"
    tokens: int


@dataclass(frozen=True, slots=True)
class Classified:
    """For each text how much every label applies, from 0 to 1, in the order of the labels."""

    labels: tuple[str, ...]
    scores: "list[array[float]]"
    tokens: int


@dataclass(frozen=True, slots=True)
class EngineInfo:
    model: str
    context_window: int
    vocabulary_size: int
    parameters: int
    dtype: str
    device: str


class Engine(Protocol):
    async def prepare(self, request: GenerationRequest) -> Prepared:
        """Render the template, tokenise, count. Raises InvalidGeneration, EngineUnavailable."""
        ...

    def generate(self, prepared: Prepared, max_tokens: int) -> AsyncIterator[Sequence[Delta]]:
        """Stream until every one of the `n` choices has finished; one batch a step, never empty.

        `max_tokens` bounds each choice (0 only with `echo`). Raises EngineOverloaded before the
        first batch, EngineUnavailable or GenerationFailed at any time. Leaving it cancels.
        """
        ...

    async def tokenise(self, texts: Sequence[Text]) -> Tokenised:
        """Count, and refuse what can never be read: InvalidGeneration names `input[3]`."""
        ...

    async def embed(self, texts: Sequence[Text], *, tenant: str = "") -> Embedded:
        """Texts that were tokenised already are taken as they are.

        Raises InvalidGeneration, EngineOverloaded, EngineUnavailable, GenerationFailed. Cancelling
        it cancels the work.
        """
        ...

    async def classify(self, texts: Sequence[Text], *, tenant: str = "") -> Classified:
        """As `embed`, for models that classify."""
        ...

    async def info(self) -> EngineInfo:
        """Raises EngineUnavailable."""
        ...

    async def close(self) -> None: ...
