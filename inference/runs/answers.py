"""From a Run's events back to whole answers, one a choice."""

from collections.abc import Iterable
from dataclasses import dataclass

from inference.engines.base import Delta, TokenLogprob


@dataclass(frozen=True, slots=True)
class ChoiceAnswer:
    text: str
    finish_reason: str | None
    logprobs: tuple[TokenLogprob, ...]


def assemble(events: Iterable[Delta], choices: int) -> list[ChoiceAnswer]:
    of_choice: list[list[Delta]] = [[] for _ in range(choices)]
    for delta in events:
        of_choice[delta.index].append(delta)
    return [_answer(deltas) for deltas in of_choice]


def _answer(deltas: list[Delta]) -> ChoiceAnswer:
    return ChoiceAnswer(
        text="".join([delta.text for delta in deltas]),
        finish_reason=deltas[-1].finish_reason if deltas else None,
        logprobs=tuple(token for delta in deltas for token in delta.logprobs),
    )
