"""Where a search looks, and what a ranking tells: shared by words and vectors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to search; `store_file_ids` None: in all files of these stores."""

    organisation_id: str
    store_ids: Sequence[str]
    store_file_ids: Sequence[int] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """As the statements name them."""
        files = self.store_file_ids
        return {
            "organisation": self.organisation_id,
            "stores": list(self.store_ids),
            "files": None if files is None else list(files),
        }


@dataclass(frozen=True, slots=True)
class Ranked:
    chunk_id: int
    score: float
