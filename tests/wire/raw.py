"""Calls of the API and their answers as they stand on the wire: no SDK, nothing read leniently."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import httpx

Json = dict[str, Any]
DONE = "[DONE]"
PROXY_BROKE = b"Internal Server Error"  # what uvicorn answers for an application that raised


@dataclass(frozen=True)
class Event:
    """A server-sent event: its `event:` line, if it has one, and its `data:` line."""

    name: str | None
    data: str

    @property
    def json(self) -> Json:
        value: Json = json.loads(self.data)
        return value

    @property
    def raw(self) -> str:
        return f"event: {self.name}\ndata: {self.data}\n\n" if self.name else self.bare

    @property
    def bare(self) -> str:
        return f"data: {self.data}\n\n"


def events_in(raw: bytes) -> list[Event]:
    """Asserts the framing: UTF-8, one `data:` line an event, and a blank line behind it."""
    text = raw.decode()
    assert text.endswith("\n\n"), "a stream ends with a blank line"
    return [_event(block) for block in text.removesuffix("\n\n").split("\n\n")]


def _event(block: str) -> Event:
    lines = [line for line in block.split("\n") if not line.startswith(":")]
    name = lines.pop(0).removeprefix("event: ") if lines[0].startswith("event: ") else None
    assert [line[:6] for line in lines] == ["data: "], f"not one event: {block!r}"
    return Event(name, lines[0].removeprefix("data: "))


@dataclass(frozen=True)
class Answer:
    status: int
    headers: httpx.Headers
    raw: bytes
    arrivals: tuple[float, ...]  # when its pieces came, in seconds after the headers

    @cached_property
    def json(self) -> Json:
        assert self.headers["content-type"] == "application/json", self.raw[:500]
        value: Json = json.loads(self.raw)
        return value

    @cached_property
    def good(self) -> Json:
        """What a call that went well answered."""
        assert self.status == 200, self.raw[:500]
        return self.json

    @cached_property
    def error(self) -> Json:
        error = self.json.get("error")
        assert isinstance(error, dict), self.raw[:500]
        return error

    @cached_property
    def events(self) -> list[Event]:
        assert self.status == 200, self.raw[:500]
        assert self.headers["content-type"].startswith("text/event-stream"), self.raw[:500]
        return events_in(self.raw)

    @cached_property
    def chunks(self) -> list[Json]:
        """The objects of a stream, without `[DONE]`."""
        return [event.json for event in self.events if event.data != DONE]

    @property
    def deltas(self) -> list[Json]:
        """The choices of a chat stream's chunks, in order."""
        return [choice for chunk in self.chunks for choice in chunk.get("choices", ())]

    def said(self, index: int = 0) -> str:
        """The text of a choice of a streamed chat."""
        ours = [choice["delta"] for choice in self.deltas if choice["index"] == index]
        return "".join(delta.get("content") or "" for delta in ours)

    @property
    def generation(self) -> str:
        return self.headers["x-request-id"].replace("req_", "gen_", 1)


@dataclass(frozen=True)
class Site:
    """The API as one of the cast sees it, perhaps through a proxy that makes a mistake."""

    http: httpx.Client
    url: str
    keys: Mapping[str, str]  # name in the cast → API key
    who: str = "ada"
    mistake: str | None = None
    model: str = "scripted-wire"
    prompt: str = "#words=12"

    def of(self, who: str) -> "Site":
        return replace(self, who=who)

    @property
    def headers(self) -> dict[str, str]:
        mistake = {"x-mistake": self.mistake} if self.mistake else {}
        return {"authorization": f"Bearer {self.keys[self.who]}", **mistake}

    @contextmanager
    def open(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Iterator[httpx.Response]:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": "application/json", **self.headers, **(headers or {})}
        with self.http.stream(
            method, self.url + path, content=None if body is None else content, headers=sent
        ) as answer:
            yield answer

    def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        with self.open(method, path, body, headers) as answer:
            begin, pieces, arrivals = time.monotonic(), [], []
            for piece in answer.iter_raw():
                pieces.append(piece)
                arrivals.append(time.monotonic() - begin)
        if pieces == [PROXY_BROKE]:
            raise RuntimeError(f"the proxy could not make the mistake {self.mistake}")
        return Answer(answer.status_code, answer.headers, b"".join(pieces), tuple(arrivals))

    def get(self, path: str) -> Answer:
        return self.send("GET", path)

    def post(self, path: str, body: object = None) -> Answer:
        return self.send("POST", path, {} if body is None else body)

    def delete(self, path: str) -> Answer:
        return self.send("DELETE", path)

    def chat(self, said: str | None = None, /, **fields: Any) -> Answer:
        messages = [{"role": "user", "content": said or self.prompt}]
        body = {"model": self.model, "messages": messages, "temperature": 0, **fields}
        return self.post("/v1/chat/completions", body)

    def complete(self, prompt: object, **fields: Any) -> Answer:
        body = {"model": self.model, "prompt": prompt, "temperature": 0, **fields}
        return self.post("/v1/completions", body)

    def respond(self, said: object = None, /, **fields: Any) -> Answer:
        body = {"model": self.model, "input": said or self.prompt, "temperature": 0, **fields}
        return self.post("/v1/responses", body)
