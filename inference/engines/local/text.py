"""From a choice's tokens to its text: whole characters only, and nothing of a stop string."""

import codecs
from collections.abc import Collection
from dataclasses import dataclass

from inference.engines.base import TokenLogprob
from inference.engines.local.sequences import TokenLogprobs
from inference.engines.local.tool_formats.spans import Spans
from inference.engines.local.vocabulary import Vocabulary


@dataclass(slots=True)
class _Reported:
    """A token's log-probabilities, held back until all its text up to `end` has been given."""

    logprob: TokenLogprob
    start: int
    end: int

    def cut(self, start: int, end: int) -> "_Reported":
        if (start, end) == (self.start, self.end):
            return self
        whole = self.logprob
        token = whole.token[start - self.start : end - self.start]
        return _Reported(TokenLogprob(token, whole.logprob, token.encode(), whole.top), start, end)


class ChoiceText:
    """Feed tokens, get the text that is safe to give. Bytes that no UTF-8 can hold become U+FFFD.

    Held back are bytes of an unfinished character, and the longest end of the text that may begin
    a stop string. `tokens` counts up to the one that ended the choice. `spelled` are special tokens
    that are text here. While `unstoppable`, stop strings are text like any other. With `silent`,
    tokens that are no text (the one that ends the answer) are reported, too.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        stop: tuple[str, ...],
        spelled: Collection[int] = (),
        *,
        silent: bool = False,
    ) -> None:
        self._pieces = vocabulary.pieces
        self._spelled = {token: vocabulary.specials.get(token, b"") for token in spelled}
        self._vocabulary = vocabulary
        self._silent = silent
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stop = stop
        self._held = ""
        self._decoded = 0  # characters decoded, and of these given, from the choice's beginning
        self._given = 0
        self._strip = vocabulary.strips_first_space
        self._reported: list[_Reported] = []
        self.tokens = 0
        self.stopped = False
        self.unstoppable = False

    def feed(self, token: int, logprobs: TokenLogprobs | None = None) -> str:
        """The text to give now; after it `stopped` says whether a stop string has come."""
        self.tokens += 1
        piece = self._pieces[token] or self._spelled.get(token, b"")
        if self._strip and piece:
            self._strip = False
            piece = piece.removeprefix(b" ")
        text = self._decoder.decode(piece)
        if logprobs is not None and (piece or self._silent):
            self._report(piece, logprobs, len(text), self._vocabulary.specials.get(token, b""))
        self._decoded += len(text)
        if self.unstoppable:
            text, self._held = self._held + text, ""
            return self._count(text)
        return self._give(text) if self._stop else self._count(text)

    def end(self) -> str:
        """The token that ends the text came, which is none itself."""
        self.tokens += 1
        return ""

    def flush(self) -> str:
        """What was held back for a stop string that never came. A half character is dropped."""
        text, self._held = self._held, ""
        return self._count(text)

    def take_logprobs(self, content: Spans | None = None) -> tuple[TokenLogprob, ...]:
        """Those whose text has been given; one that a stop string cuts is cut as well.

        Where not all text is `content`, those of the rest are left out.
        """
        if not self._reported:
            return ()
        told = self._given if content is None else min(self._given, content.told)
        ready = [entry for entry in self._reported if entry.end <= told]
        rest = self._reported[len(ready) :]
        if self.stopped and rest and rest[0].start < told:
            ready.append(rest[0].cut(rest[0].start, told))
        self._reported = rest
        if content is not None:
            parts = [(entry, content.part(entry.start, entry.end)) for entry in ready]
            ready = [entry.cut(start, end) for entry, (start, end) in parts if start < end]
        return tuple(entry.logprob for entry in ready)

    def _give(self, text: str) -> str:
        self._held += text
        end = min((at for stop in self._stop if (at := self._held.find(stop)) >= 0), default=-1)
        if end >= 0:
            self.stopped = True
        else:
            end = len(self._held) - self._beginning_of_a_stop()
        text, self._held = self._held[:end], self._held[end:]
        return self._count(text)

    def _beginning_of_a_stop(self) -> int:
        """Length of the longest end of the held text that begins a stop string."""
        longest = min(max(map(len, self._stop)) - 1, len(self._held))
        for length in range(longest, 0, -1):
            end = self._held[-length:]
            if any(stop.startswith(end) for stop in self._stop):
                return length
        return 0

    def _count(self, text: str) -> str:
        self._given += len(text)
        return text

    def _report(
        self, piece: bytes, logprobs: TokenLogprobs, characters: int, special: bytes
    ) -> None:
        unfinished = bool(self._decoder.getstate()[0])
        top = tuple(self._logprob(token, value) for token, value in logprobs.top)
        name = (piece or special).decode(errors="replace")
        own = TokenLogprob(name, logprobs.chosen, piece, top)
        end = self._decoded + characters + unfinished
        self._reported.append(_Reported(own, self._decoded, end))

    def _logprob(self, token: int, value: float) -> TokenLogprob:
        piece = self._pieces[token]
        return TokenLogprob(piece.decode(errors="replace"), value, piece)
