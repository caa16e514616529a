"""What the prompt asks the engine to do: its words, and the directives among them."""

import re
from dataclasses import dataclass

from inference.engines.base import GenerationRequest, Message

UNICODE = ("naïve", "日本語", "🙂", "Ελλάδα", "👩‍👩‍👧", "e\u0301té")


@dataclass(frozen=True, slots=True)
class Script:
    said: str
    words: tuple[str, ...]
    calls: tuple[str, ...] = ()
    fill: bool = False
    pace: float = 0.0
    fail: int | None = None
    vanish: int | None = None
    overload: bool = False
    reject: str | None = None
    cached: int = 0

    @property
    def breaks_down(self) -> bool:
        return self.fail is not None or self.vanish is not None


def read(request: GenerationRequest) -> Script:
    said = last_said(request).split()
    directives = [word[1:].partition("=")[::2] for word in said if word.startswith("#")]
    asked = dict(directives)
    kept = [word for word in said if not word.startswith("#")]
    return Script(
        said=" ".join(kept),
        words=_words(kept, asked),
        calls=tuple(value for name, value in directives if name == "call"),
        fill="fill" in asked,
        pace=(_number(asked, "pace") or 0) / 1000,
        fail=_number(asked, "fail"),
        vanish=_number(asked, "vanish"),
        overload="overload" in asked,
        reject=asked.get("reject"),
        cached=_number(asked, "cached") or 0,
    )


def last_said(request: GenerationRequest) -> str:
    if isinstance(request.prompt, str):
        return request.prompt
    if request.prompt is not None:
        return " ".join(f"t{token}" for token in request.prompt)
    said = (message.content for message in reversed(request.messages) if message.role == "user")
    return next(said, "")


def results(request: GenerationRequest) -> list[Message]:
    """What tools have answered since the last user message."""
    found: list[Message] = []
    for message in reversed(request.messages):
        if message.role == "user":
            break
        if message.role == "tool":
            found.insert(0, message)
    return found


def count(request: GenerationRequest) -> int:
    """Prompt tokens: words, those of calls and of tools' descriptions too."""
    if isinstance(request.prompt, str):
        return max(1, len(request.prompt.split()))
    if request.prompt is not None:
        return max(1, len(request.prompt))
    words = sum(len(message.content.split()) for message in request.messages)
    calls = [call for message in request.messages for call in message.tool_calls]
    words += sum(1 + len(call.arguments.split()) for call in calls)
    words += sum(1 + len((tool.description or "").split()) for tool in request.tools)
    return max(1, words)


def _words(said: list[str], asked: dict[str, str]) -> tuple[str, ...]:
    if "unicode" in asked:
        return UNICODE
    if number := _number(asked, "words"):
        return tuple(f"w{i}" for i in range(1, number + 1))
    return tuple(said) or ("Hello",)


def _number(asked: dict[str, str], name: str) -> int | None:
    value = asked.get(name, "")
    return int(value) if re.fullmatch("[0-9]{1,6}", value) else None
