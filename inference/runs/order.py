"""What a Run is asked for: who pays, which model, what to generate, and who must get the answer."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from accounts import idempotency
from accounts.authentication import Caller
from accounts.idempotency import StoredAnswer
from api import database, rate_limits
from inference.catalog import CatalogEntry
from inference.engines.base import GenerationRequest

BATCH = "batch"
AFTER_LIVE_CALLS = -1  # of an organisation's own waiting requests the engine takes these last
Finish = Callable[[str, StoredAnswer, database.Connection], Awaitable[None]]
"""Writes the answer down in the transaction that charges the hold of this id, or not at all."""


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The client's key, and what its body was."""

    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class OfChatbot:
    """Whose usage it is, too, and what that chatbot may cost in a UTC day and month."""

    id: str
    day_nano: int | None = None
    month_nano: int | None = None


NO_CHATBOT = OfChatbot("")


@dataclass(frozen=True, slots=True)
class Order:
    """`id` names the hold too. Several generations (prompts) share one hold and one answer.

    With the tier `batch` it is outside of the key's minute, behind live calls, never shortened by a
    low balance, and free unless `finish` has its answer.
    """

    id: str
    caller: Caller
    request: rate_limits.Reservation | None  # given back by the token limit: a 429 costs nothing
    entry: CatalogEntry
    generations: Sequence[GenerationRequest]
    output_limit: int | None = None  # tokens for each choice; None: the model's default
    streamed: bool = False
    idempotency: IdempotencyKey | None = None
    stored: bool = False  # the answer can be read again later, so the Run goes on without readers
    tier: str = "standard"
    finish: Finish | None = None
    chatbot: OfChatbot = NO_CHATBOT

    @property
    def in_batch(self) -> bool:
        return self.tier == BATCH

    @property
    def requests(self) -> Sequence[GenerationRequest]:
        """What the engine is asked for."""
        if not self.in_batch:
            return self.generations
        return [replace(one, priority=AFTER_LIVE_CALLS) for one in self.generations]

    @property
    def finisher(self) -> Finish | None:
        return idempotency.finish if self.idempotency else self.finish

    @property
    def outlives_readers(self) -> bool:
        return self.stored or self.idempotency is not None

    @property
    def most_output(self) -> int:
        """Tokens for each choice, if the context window has room for them."""
        return self.entry.default_max_output if self.output_limit is None else self.output_limit

    @property
    def choices_each(self) -> int:
        return self.generations[0].sampling.n

    @property
    def choices(self) -> int:
        return self.choices_each * len(self.generations)
