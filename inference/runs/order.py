"""What a Run is asked for: who pays, which model, what to generate, and who must get the answer."""

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.authentication import Caller
from api import rate_limits
from inference.catalog import CatalogEntry
from inference.engines.base import GenerationRequest


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """The client's key, and what its body was."""

    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Order:
    """`id` names the hold too. Several generations (prompts) share one hold and one answer."""

    id: str
    caller: Caller
    request: rate_limits.Reservation  # given back when the token limit refuses: a 429 costs nothing
    entry: CatalogEntry
    generations: Sequence[GenerationRequest]
    output_limit: int | None = None  # tokens for each choice; None: the model's default
    streamed: bool = False
    idempotency: IdempotencyKey | None = None
    stored: bool = False  # the answer can be read again later, so the Run goes on without readers

    @property
    def outlives_readers(self) -> bool:
        return self.stored or self.idempotency is not None

    @property
    def choices_each(self) -> int:
        return self.generations[0].sampling.n

    @property
    def choices(self) -> int:
        return self.choices_each * len(self.generations)
