"""Reads the questions and answers that the model learns by heart from the TOML files beside."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Known:
    """Ways to ask, the answer, and the answer's key and value in JSON."""

    questions: tuple[str, ...]
    answer: str
    key: str = "answer"
    value: str | int | None = None

    @property
    def as_json(self) -> dict[str, object]:
        """The answer as a JSON object."""
        return {self.key: self.answer if self.value is None else self.value}


def known(name: str) -> tuple[Known, ...]:
    """The entries of one file."""
    entries = tomllib.loads((_FOLDER / f"{name}.toml").read_text(encoding="utf-8"))["known"]
    return tuple(Known(**{**each, "questions": tuple(each["questions"])}) for each in entries)


def topics() -> dict[str, str]:
    """A few sentences by topic."""
    return dict(tomllib.loads((_FOLDER / "topics.toml").read_text(encoding="utf-8")))
