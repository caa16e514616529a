"""Many streams at once, of two organisations with tools and schemas of their own: none mix."""

import random
import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from tests.wire.raw import Answer, Site
from tests.wire.registry import check
from tests.wire.tools import flat, tool

SECRET = re.compile(r"(?:ada|mallory)secret\d{6}")
KINDS = ("text", "tool", "schema", "response", "response tool", "response schema")


@dataclass(frozen=True)
class Member:
    """Someone whose prompt, tools and schemas have a word that nobody else has."""

    site: Site
    kind: str
    word: str

    def ask(self) -> tuple[float, Answer, float]:
        begin = time.monotonic()
        path = "/v1/responses" if self.kind.startswith("response") else "/v1/chat/completions"
        body = {"model": self.site.model, "stream": True, "temperature": 0, **self._fields()}
        answer = self.site.post(path, body)
        return begin, answer, time.monotonic()

    def _fields(self) -> dict[str, Any]:
        said = f"{' '.join([self.word] * 12)} #pace=50"
        form = {"name": "form", "schema": self._schema(), "strict": True}
        match self.kind:
            case "tool":
                made = tool(f"get_{self.word}", self._schema())
                return {**_chat(said), "tools": [made], "tool_choice": "required"}
            case "schema":
                made = {"type": "json_schema", "json_schema": form}
                return {**_chat(said), "response_format": made}
            case "response tool":
                made = flat(f"get_{self.word}", self._schema())
                return {"input": said, "tools": [made], "tool_choice": "required"}
            case "response schema":
                return {"input": said, "text": {"format": {"type": "json_schema", **form}}}
            case "response":
                return {"input": said, "instructions": f"Say {self.word}.", "max_output_tokens": 40}
        return {**_chat(said), "max_tokens": 40}

    def _schema(self) -> dict[str, Any]:
        """Two properties that can only be its own word."""
        names = [f"{letter}_{self.word}" for letter in "ab"]
        own = {"type": "string", "enum": [self.word]}
        return {"type": "object", "properties": dict.fromkeys(names, own), "required": names,
                "additionalProperties": False}  # fmt: skip

    def check(self, answer: Answer, words: set[str]) -> None:
        """A model that miscopies its own word is not told another one of `words`."""
        told = words.intersection(SECRET.findall(answer.raw.decode()))
        said = words.intersection(SECRET.findall(_joined(answer)))
        assert told | said <= {self.word}
        if self.kind not in {"text", "response"} or self.site.model != "smarter-mini":
            assert said == {self.word}
        assert _ids(answer) == {answer.headers["x-request-id"].removeprefix("req_")}
        assert self.site.get(f"/v1/generations/{answer.generation}").status == 200


def _chat(said: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": said}]}


def _ids(answer: Answer) -> set[str]:
    """Of the chunks, or of the responses in the events, without their prefix."""
    named = [chunk.get("response", chunk).get("id") for chunk in answer.chunks]
    return {name.rpartition("-")[2].removeprefix("resp_") for name in named if name}


def _joined(answer: Answer) -> str:
    """The answer's text and arguments, without the borders of its events."""
    pieces = [chunk.get("delta") for chunk in answer.chunks]
    for choice in answer.deltas:
        pieces.append(choice["delta"].get("content"))
        pieces += [c["function"]["arguments"] for c in choice["delta"].get("tool_calls") or ()]
    return "".join(piece for piece in pieces if piece)


def crowd(site: Site, size: int) -> None:
    whose = cycle(("ada", "mallory"))
    kinds = [KINDS[place // 2 % len(KINDS)] for place in range(size)]
    numbers = random.sample(range(100_000, 1_000_000), size)
    members = [
        Member(site.of(who), kind, f"{who}secret{number}")
        for who, kind, number in zip(whose, kinds, numbers, strict=False)
    ]
    words = {member.word for member in members}
    with ThreadPoolExecutor(size) as pool:
        asked = list(pool.map(Member.ask, members))
    for member, (_begin, answer, _end) in zip(members, asked, strict=True):
        member.check(answer, words)
    ids = {answer.headers["x-request-id"] for _begin, answer, _end in asked}
    assert len(ids) == size
    starts, ends = sorted(one[0] for one in asked), sorted(one[2] for one in asked)
    assert starts[-1] < ends[size // 2], "half had ended before the last one began"


@check
def streams_of_two_organisations_never_mix(site: Site) -> None:
    crowd(site, 50)
