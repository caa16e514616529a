"""The engine's side of one generation: its choices' texts, and the connection they go to."""

from dataclasses import dataclass, field
from typing import Protocol

from inference.engines.base import Delta, FinishReason
from inference.engines.local.sequences import Sequence, Submission, TokenEvent
from inference.engines.local.text import ChoiceText
from inference.engines.local.vocabulary import Vocabulary


class Reader(Protocol):
    """Who gets the deltas."""

    def add(self, stream: "Stream", delta: Delta) -> None: ...


@dataclass(slots=True, eq=False)
class Stream:
    id: int
    reader: Reader
    submission: Submission
    choices: dict[int, ChoiceText] = field(default_factory=dict)

    @classmethod
    def open(cls, id_: int, reader: Reader, submission: Submission, words: Vocabulary) -> "Stream":
        stream = cls(id_, reader, submission)
        sampling = submission.sampling
        stream.choices = {index: ChoiceText(words, sampling.stop) for index in range(sampling.n)}
        submission.owner = stream
        return stream

    @property
    def finished(self) -> bool:
        return not self.choices

    def give(self, event: TokenEvent) -> Sequence | None:
        """Pass a token on as text. Returns the sequence if a stop string has just ended it, which
        the loop does not know."""
        index = event.sequence.index
        choice = self.choices.get(index)
        if choice is None:  # a token made while the news of the choice's end was on its way
            return None
        text = choice.feed(event.token, event.logprobs)
        reason: FinishReason | None = "stop" if choice.stopped else event.finish_reason
        if reason and not choice.stopped:
            text += choice.flush()
        logprobs = choice.take_logprobs()
        if reason:
            del self.choices[index]
        if text or reason or logprobs:
            self.reader.add(self, Delta(index, text, choice.tokens, reason, logprobs))
        return event.sequence if choice.stopped and not event.finish_reason else None
