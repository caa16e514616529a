"""What is to be trained, as the worker writes it down, and what follows from the examples."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

FILE: Final = "spec.json"
TRAINING, VALIDATION = "training.jsonl", "validation.jsonl"
STATE, CHECKPOINTS, ADAPTER = "state", "checkpoints", "adapter"
RANK, ALPHA = 16, 32
TARGET_EPOCHS, FEW, MANY, MOST_EPOCHS = 3, 100, 25_000, 25


class Refused(Exception):
    """This can never be trained; `code` and `param` are the API's."""

    def __init__(self, code: str, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.param = param


@dataclass(frozen=True, slots=True)
class Spec:
    """None: what suits the examples."""

    base: str  # the model's folder
    context: int
    seed: int
    n_epochs: int | None = None
    batch_size: int | None = None
    learning_rate_multiplier: float | None = None
    most_tokens: int = 10**9
    state_seconds: float = 20.0

    def write(self, folder: Path) -> None:
        (folder / FILE).write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, folder: Path) -> "Spec":
        return cls(**json.loads((folder / FILE).read_bytes()))


@dataclass(frozen=True, slots=True)
class Plan:
    """The hyperparameters as they will be used, and how much work that is."""

    examples: int
    tokens: int  # of one epoch
    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float

    @classmethod
    def of(cls, spec: Spec, examples: int, tokens: int) -> "Plan":
        return cls(
            examples,
            tokens,
            spec.n_epochs or _epochs(examples),
            min(spec.batch_size or max(1, min(16, examples // 32)), examples),
            spec.learning_rate_multiplier or 1.0,
        )

    @property
    def figures(self) -> dict[str, float]:
        """The hyperparameters, as the API names them."""
        return {
            "n_epochs": self.n_epochs,
            "batch_size": self.batch_size,
            "learning_rate_multiplier": self.learning_rate_multiplier,
        }

    @property
    def steps_each(self) -> int:
        return -(-self.examples // self.batch_size)

    @property
    def steps(self) -> int:
        return self.steps_each * self.n_epochs

    @property
    def total_tokens(self) -> int:
        return self.tokens * self.n_epochs


def _epochs(examples: int) -> int:
    """Three, but more where there is little to see, and fewer where there is much."""
    if examples * TARGET_EPOCHS < FEW:
        return min(MOST_EPOCHS, FEW // examples)
    return max(1, min(TARGET_EPOCHS, MANY // examples))
