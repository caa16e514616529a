"""What the step loop works on: submissions, their sequences, and what a step tells about them."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from inference.engines.base import EngineError, FinishReason, SamplingParams
from inference.engines.local.adapters import Adapter
from inference.engines.local.grammars import Grammar, Matcher
from inference.engines.local.sampler_rows import SamplerRow


@dataclass(frozen=True, slots=True)
class Echo:
    """The prompt is told before the answer: as it was written, or (None) as its tokens read."""

    text: str | None


class PreparedPrompt(NamedTuple):
    """What the loop needs of a request: tokens, what holds the answer to its form, an adapter."""

    tokens: list[int]
    grammar: Grammar | None
    adapter: Adapter | None


@dataclass(slots=True, eq=False)
class Submission:
    """One accepted request: a tokenised prompt and how to continue it (`max_tokens` 0: not at all).

    `deadline` and `start_by` are readings of `time.monotonic()`. `owner` is whoever wants the
    events; the loop only carries it.
    """

    prompt: list[int]
    sampling: SamplingParams
    max_tokens: int
    tenant: str = ""
    priority: int = 0
    deadline: float | None = None
    grammar: Grammar | None = None
    echo: Echo | None = None
    adapter: Adapter | None = None
    owner: object = None
    start_by: float = math.inf
    cancelled: bool = False
    cached: int = 0  # tokens of the prompt that were known already
    names: list[bytes] | None = None  # of its prompt's beginnings (`prefixes`)

    @property
    def cost(self) -> int:
        """Tokens this may take: the unit of the queue's bound and of fairness between tenants."""
        return len(self.prompt) + self.max_tokens * self.sampling.n

    @property
    def scored(self) -> bool:
        """The log-probabilities of its prompt's tokens are wanted."""
        return self.echo is not None and self.sampling.logprobs


@dataclass(slots=True, eq=False)
class Sequence:
    """One choice of a submission while it runs. `length` counts the tokens in its KV slot.

    The first choice carries the others in `forks` until the prompt is computed; then they copy
    its KV and run on their own. `prompt` is what is computed before it says more: of one that had
    to give its memory away, all that it has said as well.
    """

    submission: Submission
    index: int
    sampler: SamplerRow
    matcher: Matcher | None = None
    admission: int = 0  # running number: lower was admitted earlier
    slot: int = -1
    length: int = 0
    generated: int = 0
    last_token: int = -1
    finish_reason: FinishReason | None = None
    cancelled: bool = False
    forks: "list[Sequence]" = field(default_factory=list)
    prompt_logprobs: "list[TokenLogprobs]" = field(default_factory=list)
    said: list[int] = field(default_factory=list)
    prompt: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.prompt = self.submission.prompt

    @property
    def age(self) -> tuple[int, int]:
        """Lower is older."""
        return self.admission, self.index

    @property
    def remaining_prompt(self) -> int:
        return len(self.prompt) - self.length

    @property
    def scored(self) -> bool:
        """Its prompt's tokens are to be told of, and have not been."""
        return self.submission.scored and not self.generated

    def begin_anew(self) -> None:
        """Its keys and values are lost."""
        self.prompt = self.submission.prompt + self.said
        self.length = 0
        self.prompt_logprobs = []


def begun(submission: Submission, admission: int) -> Sequence:
    """The first choice, carrying the others."""
    sampling, grammar = submission.sampling, submission.grammar
    first, *forks = [
        Sequence(
            submission,
            index,
            SamplerRow(sampling, submission.prompt, index),
            grammar.matcher() if grammar else None,
            admission,
        )
        for index in range(sampling.n)
    ]
    first.forks = forks
    return first


class Chunk(NamedTuple):
    """A stretch of one prompt to compute in this step."""

    sequence: Sequence
    start: int
    stop: int

    @property
    def completes_prompt(self) -> bool:
        return self.stop == len(self.sequence.prompt)

    @property
    def scored(self) -> int:
        """How many of its tokens tell something of the prompt's next one that is wanted."""
        size = self.stop - self.start - self.completes_prompt
        return size if self.sequence.scored else 0


class TokenLogprobs(NamedTuple):
    """Log-probabilities of the model's own distribution (before temperature and filters).

    None: a prompt's first token, which follows nothing.
    """

    chosen: float | None
    top: list[tuple[int, float]]


class TokenEvent(NamedTuple):
    """One step gave one sequence one token."""

    sequence: Sequence
    token: int
    finish_reason: FinishReason | None
    logprobs: TokenLogprobs | None


class PromptEvent(NamedTuple):
    """A prompt that is to be echoed has been computed. `ended`: and no token is wanted."""

    submission: Submission
    logprobs: list[TokenLogprobs]
    ended: bool


class Failure(NamedTuple):
    """One submission ended with an error; its other choices end too."""

    submission: Submission
    error: EngineError


@dataclass(slots=True)
class StepEvents:
    """Everything one step has to tell, handed over at once."""

    prompts: list[PromptEvent] = field(default_factory=list)
    tokens: list[TokenEvent] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.tokens or self.failures or self.prompts)
