"""From a chatbot's configuration and what was said to the messages that a model reads. Pure.

`plans` says what is left out first when all of it is too long: the oldest turns, then the passages
that answer least, then the last turns. The system prompt and the newest message always stay.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chatbots.configuration import VARIABLE, Configuration
from inference.engines.base import Message
from knowledge.search import Passage

LONGEST_VALUE: Final = 200  # characters of a variable's value
DEAR_TURNS: Final = 4  # messages of history that stay longer than a second passage
CITED: Final = "Answer with the help of these sources and cite them as [1]:"
UNCITED: Final = "Answer with the help of these sources:"
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]+")


@dataclass(frozen=True, slots=True)
class Material:
    """All that a prompt can be made of; `passages` the best first, `history` the oldest first.
    `newest` is the question, with the calls and results that followed on it."""

    configuration: Configuration
    variables: Mapping[str, str]
    passages: Sequence[Passage]
    history: Sequence[Message]
    newest: Sequence[Message]


@dataclass(frozen=True, slots=True)
class Plan:
    """How many of the newest messages of history and of the best passages are taken."""

    history: int
    passages: int


def compose(material: Material, plan: Plan) -> tuple[Message, ...]:
    history = list(material.history[len(material.history) - plan.history :])
    while history and history[0].role == "tool":
        del history[0]  # the call that it answers is gone
    system = system_prompt(material, material.passages[: plan.passages])
    said = [Message("system", system)] if system else []
    return (*said, *history, *material.newest)


def system_prompt(material: Material, passages: Sequence[Passage]) -> str:
    configuration = material.configuration
    text = filled(configuration.system_prompt, material.variables).strip()
    if not passages:
        return text
    heading = CITED if configuration.knowledge.citations else UNCITED
    sources = "\n".join(
        f"[{number}] {one_line(passage.text)}" for number, passage in enumerate(passages, 1)
    )
    return f"{text}\n\n{heading}\n{sources}" if text else f"{heading}\n{sources}"


def plans(material: Material) -> list[Plan]:
    """From everything to the least, each with less than the one before."""
    return list(dict.fromkeys(_plans(len(material.history), len(material.passages))))


def _plans(history: int, passages: int) -> Iterator[Plan]:
    dear, one = min(history, DEAR_TURNS), min(passages, 1)
    yield from (Plan(turns, passages) for turns in range(history, dear - 1, -1))
    yield from (Plan(dear, found) for found in range(passages, one - 1, -1))
    yield from (Plan(turns, one) for turns in range(dear, -1, -1))
    yield Plan(0, 0)


def filled(text: str, variables: Mapping[str, str]) -> str:
    """`{{visitor.name}}` replaced by its value, once: what a value says is not looked at again."""
    return VARIABLE.sub(lambda found: one_line(variables.get(found[1], ""))[:LONGEST_VALUE], text)


def one_line(text: str) -> str:
    return " ".join(_CONTROL.sub(" ", text).split())
