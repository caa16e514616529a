"""The engine protocol: what a gateway asks of anything that generates text, and what it gets back.

Life of a generation: `prepare` renders, tokenises and counts the prompt; the caller pays for it;
`generate` streams. Leaving the iterator cancels the sequence at the engine's next step. Nothing
here, or below, knows Django, HTTP or money.

Errors (all `EngineError`):
    EngineError
    ├── InvalidGeneration        the request can never work (names the parameter)
    │   └── ContextTooLong       prompt and output do not fit the context window
    ├── EngineOverloaded         the queue is full (carries seconds to wait)
    ├── EngineUnavailable        no engine answers for this model (not started, died, not loaded)
    └── GenerationFailed         the engine answered and then failed for this request
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

FinishReason = Literal["stop", "length"]


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
class Message:
    """One chat message, already reduced to text (roles: system, user, assistant, tool)."""

    role: str
    content: str
    name: str | None = None


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


@dataclass(frozen=True, slots=True)
class Prepared:
    """A counted request, ready to generate. The engine keeps its tokens for a minute."""

    request: GenerationRequest
    prompt_tokens: int
    max_output: int  # context window minus prompt: the most that `generate` will accept


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token with its log-probability; `raw` is its bytes (a character may span tokens)."""

    token: str
    logprob: float
    raw: bytes
    top: tuple["TokenLogprob", ...] = ()


@dataclass(frozen=True, slots=True)
class Delta:
    """What one step gave one choice. Never splits a character, never holds text of a stop string.

    `completion_tokens` is the choice's running total, so a lost delta never loses money.
    `cached_tokens` counts prompt tokens served from a prefix cache.
    """

    index: int
    text: str
    completion_tokens: int
    finish_reason: FinishReason | None = None
    logprobs: tuple[TokenLogprob, ...] = ()
    cached_tokens: int = 0


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

        `max_tokens` bounds each choice. Raises EngineOverloaded before the first batch,
        EngineUnavailable or GenerationFailed at any time. Leaving the iterator cancels.
        """
        ...

    async def info(self) -> EngineInfo:
        """Raises EngineUnavailable."""
        ...

    async def close(self) -> None: ...
