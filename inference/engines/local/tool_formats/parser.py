"""Takes a choice's text apart as it comes: what is said, and what is called."""

import secrets
from dataclasses import replace
from typing import Protocol

import regex  # type: ignore[import-untyped]  # it has no types

from inference.engines.base import GenerationRequest, ToolCallDelta
from inference.engines.local.tool_formats.formats import ToolFormat
from inference.engines.local.tool_formats.patterns import patterns
from inference.engines.local.tool_formats.rendering import callable_tools
from inference.engines.local.tool_formats.spans import Spans

_NEWLINES = 64  # before a call, at most so many are none of the content
_OUTSIDE = regex.compile(r'[{}"]')
_INSIDE = regex.compile(r'[\\"]')


class ToolParser(Protocol):
    """One choice's. `calling`: what was fed last is in what is, or may become, a call.

    `spans` tells which characters of what was fed are content.
    """

    called: bool
    spans: Spans

    @property
    def calling(self) -> bool: ...
    def feed(self, text: str) -> tuple[str, tuple[ToolCallDelta, ...]]: ...
    def end(self) -> tuple[str, tuple[ToolCallDelta, ...]]: ...


def parser_for(request: GenerationRequest, form: ToolFormat | None) -> ToolParser | None:
    """None: this request's answers are text and nothing else."""
    names = frozenset(tool.name for _, tool in callable_tools(request))
    return CallParser(form, names) if form and names else None


class CallParser:
    """Held back is what may begin a call, up to its arguments; these are given as they come.

    What does not become a call of a tool that there is, is content, to the last character; only
    newlines around calls are not.
    """

    def __init__(self, form: ToolFormat, names: frozenset[str]) -> None:
        self.called = False
        self.spans = Spans()
        self._trigger = form.trigger
        self._names = names
        self._patterns = patterns(form)
        self._state = self._in_head if form.bare else self._in_text
        self._held = ""
        self._at = 0  # what is decided of it
        self._said: list[str] = []
        self._made: list[ToolCallDelta] = []
        self._calls = 0
        self._after_call = False
        self._arguments = _JsonObject()

    @property
    def calling(self) -> bool:
        return self._state != self._in_text and (self.called or bool(self._held))

    def feed(self, text: str) -> tuple[str, tuple[ToolCallDelta, ...]]:
        self._held += text
        while self._at < len(self._held) and self._state():
            pass
        return self._taken()

    def end(self) -> tuple[str, tuple[ToolCallDelta, ...]]:
        """A call that is cut short gives what there is of it, if that is its name at least."""
        cut = None
        if self._state == self._in_head:
            cut = self._patterns.named.match(self._held, self._at)
        if cut and cut["name"] in self._names:
            self._begin(cut)
        if self._state in (self._in_arguments, self._in_rest):
            self._drop(len(self._held))
        self._say(len(self._held))
        return self._taken()

    def _taken(self) -> tuple[str, tuple[ToolCallDelta, ...]]:
        self._held, self._at = self._held[self._at :], 0
        taken = "".join(self._said), tuple(self._made)
        self._said, self._made = [], []
        return taken

    # The states: each decides on what it can of the held text, and tells whether to go on.

    def _in_text(self) -> bool:
        held = self._held
        if self._after_call:
            self._drop(len(held) - len(held[self._at :].lstrip("\n")))
        found = held.find(self._trigger, self._at) if self._trigger else -1
        end = found if found >= 0 else len(held) - self._beginning_of_trigger()
        visible = len(held[self._at : end].rstrip("\n")) + self._at
        self._say(max(visible, end - _NEWLINES))
        if found >= 0:
            self._state = self._in_head
        return found >= 0

    def _in_head(self) -> bool:
        match = self._patterns.head.match(self._held, self._at, partial=True)
        if match and match.partial:
            return False
        if match and match["name"] in self._names:
            self._begin(match)
        else:
            self._state = self._in_text
            self._say(self._end_of_trigger())
        return True

    def _in_arguments(self) -> bool:
        end = self._arguments.end(self._held, self._at)
        last = ToolCallDelta(self._calls - 1, "")
        if self._made and self._made[-1].index == last.index:
            last = self._made.pop()
        piece = self._held[self._at : end]
        self._made.append(replace(last, arguments=last.arguments + piece))
        self._drop(end)
        if self._arguments.closed:
            self._state = self._in_rest
        return True

    def _in_rest(self) -> bool:
        match = self._patterns.rest.match(self._held, self._at, partial=True)
        if match and match.partial:
            return False
        self._state = self._in_text
        self._after_call = True
        name = match and match.groupdict().get("name")
        if match and not name:
            self._drop(match.end())
        elif name in self._names:
            self._begin(match)
        return True

    def _begin(self, match: "regex.Match[str]") -> None:
        name = match["name"]
        self._drop(match.end())
        self._made.append(ToolCallDelta(self._calls, "", f"call_{secrets.token_hex(12)}", name))
        self._calls += 1
        self.called = True
        self._arguments = _JsonObject()
        self._state = self._in_arguments

    def _end_of_trigger(self) -> int:
        """Its end, if the held text begins with it, newlines aside."""
        end = self._at + _NEWLINES + len(self._trigger)
        newlines, found, _ = self._held[self._at : end].partition(self._trigger or "\0")
        return self._at + len(newlines + found) if found and not newlines.strip("\n") else self._at

    def _beginning_of_trigger(self) -> int:
        """Length of the longest end of the held text that begins a call."""
        longest = min(len(self._trigger) - 1, len(self._held) - self._at)
        lengths = range(longest, 0, -1)
        return next((n for n in lengths if self._held.endswith(self._trigger[:n])), 0)

    def _say(self, end: int) -> None:
        if end > self._at:
            self._said.append(self._held[self._at : end])
            self.spans.keep(end - self._at)
            self._at = end
            self._after_call = False

    def _drop(self, end: int) -> None:
        self.spans.drop(end - self._at)
        self._at = end


class _JsonObject:
    """Finds the end of a JSON object that comes in pieces."""

    def __init__(self) -> None:
        self.closed = False
        self._depth = 0
        self._quoted = self._escaped = False

    def end(self, text: str, at: int) -> int:
        """Where the object ends in this piece of it; the piece's end if it goes on."""
        while at < len(text) and not self.closed:
            if self._escaped:
                self._escaped = False
                at += 1
                continue
            found = (_INSIDE if self._quoted else _OUTSIDE).search(text, at)
            if not found:
                return len(text)
            self._take(found[0])
            at = found.end()
        return at

    def _take(self, mark: str) -> None:
        if mark == '"':
            self._quoted = not self._quoted
        elif mark == "\\":
            self._escaped = True
        else:
            self._depth += 1 if mark == "{" else -1
            self.closed = self._depth == 0
