"""From a Run's events back to whole answers, one a choice."""

from collections.abc import Iterable
from dataclasses import dataclass

from inference.engines.base import Delta, TokenLogprob, ToolCall, ToolCallDelta


@dataclass(frozen=True, slots=True)
class ChoiceAnswer:
    text: str
    finish_reason: str | None
    logprobs: tuple[TokenLogprob, ...]
    tool_calls: tuple[ToolCall, ...] = ()
    echoed: int = 0  # the first `logprobs` that are the prompt's


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
        tool_calls=_calls([piece for delta in deltas for piece in delta.tool_calls]),
        echoed=sum(len(delta.logprobs) for delta in deltas if not delta.completion_tokens),
    )


def _calls(pieces: list[ToolCallDelta]) -> tuple[ToolCall, ...]:
    first = {piece.index: piece for piece in reversed(pieces)}
    arguments = dict.fromkeys(first, "")
    for piece in pieces:
        arguments[piece.index] += piece.arguments
    return tuple(
        ToolCall(first[index].id or "", first[index].name or "", arguments[index])
        for index in sorted(first)
    )
