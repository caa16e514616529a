"""Calls of Responses without a network, and their typed events."""

import json
from typing import Any

from tests.inference import asgi
from tests.inference.asgi import Tenant

PATH = "/v1/responses"
Event = dict[str, Any]


class Call(asgi.Call):
    """A path may have a query, too."""

    def _scope(self) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        scope = super()._scope()
        return {**scope, "path": path, "raw_path": path.encode(), "query_string": query.encode()}

    @property
    def typed(self) -> list[Event]:
        """The events; asserts their framing and that they are numbered without gaps."""
        return typed(self.raw.decode())

    @property
    def kinds(self) -> list[str]:
        return [event["type"].removeprefix("response.") for event in self.typed]


def typed(raw: str) -> list[Event]:
    blocks = raw.split("\n\n")
    assert blocks.pop() == ""
    events = []
    for block in blocks:
        kind, data = block.split("\n")
        event = json.loads(data.removeprefix("data: "))
        assert kind == f"event: {event['type']}"
        events.append(event)
    numbers = [event["sequence_number"] for event in events]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return events


def call(
    tenant: Tenant, words: Any = "one two", *, headers: dict[str, str] | None = None, **fields: Any
) -> Call:
    body = json.dumps({"model": "scripted", "input": words, **fields}).encode()
    return Call(body, _headers(tenant, headers), PATH)


async def ask(tenant: Tenant, words: Any = "one two", **fields: Any) -> Call:
    made = call(tenant, words, **fields)
    await made.finished()
    return made


def get(tenant: Tenant, response_id: str, query: str = "") -> Call:
    return Call(b"", _headers(tenant), f"{PATH}/{response_id}{query}", "GET")


async def read(tenant: Tenant, response_id: str, query: str = "") -> Call:
    made = get(tenant, response_id, query)
    await made.finished()
    return made


async def cancel(tenant: Tenant, response_id: str) -> Call:
    made = Call(b"", _headers(tenant), f"{PATH}/{response_id}/cancel", "POST")
    await made.finished()
    return made


def said(response: dict[str, Any]) -> str:
    return "".join(
        part["text"]
        for item in response["output"]
        if item["type"] == "message"
        for part in item["content"]
    )


def _headers(tenant: Tenant, more: dict[str, str] | None = None) -> dict[str, str]:
    return {
        "authorization": f"Bearer {tenant.api_key}",
        "host": "testserver",
        **(more or {}),
    }
