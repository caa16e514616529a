"""What a Run has delivered so far, choice by choice: the figures that are charged."""

from collections.abc import Sequence

from billing import ledger
from inference.engines.base import Delta, GenerationFailed


class Tally:
    """Engines send running totals, so the newest event of each choice says it all."""

    def __init__(self, choices_each: int, prompts: int) -> None:
        self.prompt_tokens = 0  # as `prepare` has counted them
        self.completion = [0] * (choices_each * prompts)
        self.finish: list[str | None] = [None] * (choices_each * prompts)
        self._prompt = [0] * prompts  # as they were told later, by engines that could only estimate
        self._cached = [0] * prompts
        self._choices_each = choices_each
        self._told = False  # an echo is told before the first token

    def count(self, deltas: Sequence[Delta]) -> None:
        for delta in deltas:
            self.completion[delta.index] = delta.completion_tokens
            self._told |= bool(delta.text)
            if delta.finish_reason:
                self.finish[delta.index] = delta.finish_reason
            prompt = delta.index // self._choices_each
            if delta.prompt_tokens:
                self._prompt[prompt] = delta.prompt_tokens
            if delta.cached_tokens:
                self._cached[prompt] = max(self._cached[prompt], delta.cached_tokens)

    @property
    def started(self) -> bool:
        return self._told or any(self.completion)

    @property
    def completed(self) -> bool:
        return None not in self.finish

    def require_completion(self) -> None:
        """An engine that falls silent has failed, though it does not say so."""
        if not self.completed:
            raise GenerationFailed("The engine ended before its answer did.")

    @property
    def finish_reason(self) -> str:
        """One word for all choices: did any of them meet its limit?"""
        return "length" if "length" in self.finish else "stop"

    def usage(self) -> ledger.Usage:
        prompt = sum(self._prompt) or self.prompt_tokens
        return ledger.Usage(prompt, sum(self._cached), sum(self.completion))

    def cut_short(self) -> list[Delta]:
        """Events that end every choice that has not ended by itself."""
        return [
            Delta(index, "", self.completion[index], "length")
            for index, reason in enumerate(self.finish)
            if reason is None
        ]
