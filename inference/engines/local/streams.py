"""The engine's side of one generation: its choices' answers, and the connection they go to."""

from dataclasses import dataclass, field
from typing import Protocol

from inference.engines.base import Delta, FinishReason, GenerationRequest, ToolCallDelta
from inference.engines.local.sequences import Sequence, Submission, TokenEvent
from inference.engines.local.text import ChoiceText
from inference.engines.local.tool_formats import ToolFormat, ToolParser, parser_for
from inference.engines.local.vocabulary import Vocabulary


class Reader(Protocol):
    """Who gets the deltas."""

    def add(self, stream: "Stream", delta: Delta) -> None: ...


@dataclass(slots=True)
class Choice:
    """One answer as it grows: its text, and who finds the calls in it."""

    index: int
    text: ChoiceText
    parser: ToolParser | None

    def feed(self, event: TokenEvent) -> Delta | None:
        """None: nothing to tell yet."""
        text = self.text.feed(event.token, event.logprobs)
        reason: FinishReason | None = "stop" if self.text.stopped else event.finish_reason
        if reason and not self.text.stopped:
            text += self.text.flush()
        calls: tuple[ToolCallDelta, ...] = ()
        if self.parser:
            text, calls = self._taken_apart(self.parser, text, last=reason is not None)
            if reason == "stop" and self.parser.called:
                reason = "tool_calls"
        logprobs = self.text.take_logprobs(self.parser.spans if self.parser else None)
        if not (text or calls or reason or logprobs):
            return None
        tokens, cached = self.text.tokens, event.sequence.submission.cached
        return Delta(self.index, text, tokens, reason, logprobs, cached, calls)

    def _taken_apart(
        self, parser: ToolParser, text: str, *, last: bool
    ) -> tuple[str, tuple[ToolCallDelta, ...]]:
        said, calls = parser.feed(text)
        if last:
            rest, more = parser.end()
            return said + rest, calls + more
        self.text.unstoppable = parser.calling
        return said, calls


@dataclass(slots=True, eq=False)
class Stream:
    id: int
    reader: Reader
    submission: Submission
    choices: dict[int, Choice] = field(default_factory=dict)

    @classmethod
    def open(
        cls,
        id_: int,
        reader: Reader,
        submission: Submission,
        words: Vocabulary,
        request: GenerationRequest | None = None,
        form: ToolFormat | None = None,
    ) -> "Stream":
        """The request says which tools may be called, and the format how the model does it."""
        stream = cls(id_, reader, submission)
        sampling = submission.sampling
        for index in range(sampling.n):
            parser = parser_for(request, form) if request else None
            spelled = form.tokens.values() if parser and form else ()
            # Programs that score texts count an entry for every token, also for the one of the end.
            silent = request is not None and request.prompt is not None
            text = ChoiceText(words, sampling.stop, spelled, silent=silent)
            stream.choices[index] = Choice(index, text, parser)
        submission.owner = stream
        return stream

    @property
    def finished(self) -> bool:
        return not self.choices

    def give(self, event: TokenEvent) -> Sequence | None:
        """Pass a token on as text. Returns the sequence if a stop string has just ended it, which
        the loop does not know."""
        choice = self.choices.get(event.sequence.index)
        if choice is None:  # a token made while the news of the choice's end was on its way
            return None
        delta = choice.feed(event)
        if delta and delta.finish_reason:
            del self.choices[choice.index]
        if delta:
            self.reader.add(self, delta)
        return event.sequence if choice.text.stopped and not event.finish_reason else None
