"""The two clients ask for the same: each has every method of the other, and sends as much."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

import httpx
import pytest

import smarter
from sdk.tests.conftest import COMPLETION, KEY, Script, says
from sdk.tests.test_resources import BOT, page
from smarter.resources import AsyncResources, Resources

ONE = says({"id": "one", "object": "x", "deleted": True, "data": [], "from": "2026-11-01"})
Ask = Callable[[Any], Any]
CALLS: dict[str, tuple[httpx.Response, Ask]] = {
    "balance": (ONE, lambda r: r.balance()),
    "generation": (ONE, lambda r: r.generation("gen_1")),
    "ledger": (page(), lambda r: r.ledger(limit=3)),
    "prices": (page(), lambda r: r.prices()),
    "top_up": (ONE, lambda r: r.top_up(amount="5.00", ref="mine")),
    "topups": (page(), lambda r: r.topups(limit=3)),
    "usage": (ONE, lambda r: r.usage(group_by=("day", "key"), since="2026-11-01", until="x")),
    "api_keys.create": (ONE, lambda r: r.api_keys.create(name="a", scopes=[])),
    "api_keys.get": (ONE, lambda r: r.api_keys.get("key_1")),
    "api_keys.list": (page(), lambda r: r.api_keys.list(limit=3)),
    "api_keys.revoke": (ONE, lambda r: r.api_keys.revoke("key_1")),
    "api_keys.rotate": (ONE, lambda r: r.api_keys.rotate("key_1", grace_seconds=5)),
    "api_keys.update": (ONE, lambda r: r.api_keys.update("key_1", budget=None)),
    "organisation.get": (ONE, lambda r: r.organisation.get()),
    "organisation.me": (ONE, lambda r: r.organisation.me()),
    "organisation.members": (page(), lambda r: r.organisation.members(limit=3)),
    "organisation.update": (ONE, lambda r: r.organisation.update(name="b")),
    "chatbots.conversations": (page(), lambda r: r.chatbots.conversations("a", limit=3)),
    "chatbots.create": (says(BOT), lambda r: r.chatbots.create(name="a", title="A")),
    "chatbots.delete": (ONE, lambda r: r.chatbots.delete("a")),
    "chatbots.get": (says(BOT), lambda r: r.chatbots.get(name="a")),
    "chatbots.list": (page(BOT), lambda r: r.chatbots.list(limit=3)),
    "chatbots.update": (says(BOT), lambda r: r.chatbots.update("a", title="B")),
    "chatbots.versions.list": (page(), lambda r: r.chatbots.versions("a").list(limit=3)),
    "chatbots.versions.publish": (ONE, lambda r: r.chatbots.versions("a").publish(note="n")),
}  # fmt: skip
Sent = tuple[str, bytes, bytes, bool]


def sent(script: Script) -> Sent:
    asked = script.asked.pop()
    return asked.method, asked.url.raw_path, asked.content, "idempotency-key" in asked.headers


def by_waiting(script: Script, ask: Ask) -> Sent:
    http = smarter.DefaultHttpxClient(transport=httpx.MockTransport(script))
    with smarter.Smarter(api_key=KEY, http_client=http) as client:
        ask(client)
    return sent(script)


def by_awaiting(script: Script, ask: Ask) -> Sent:
    async def go() -> None:
        http = smarter.DefaultAsyncHttpxClient(transport=httpx.MockTransport(script.later))
        async with smarter.AsyncSmarter(api_key=KEY, http_client=http) as client:
            await ask(client)

    asyncio.run(go())
    return sent(script)


@pytest.mark.parametrize("call", CALLS)
def test_both_send_the_same(call: str, script: Script) -> None:
    answer, ask = CALLS[call]
    script.answers = [answer]
    one = by_waiting(script, lambda client: ask(client.resources))
    assert one == by_awaiting(script, lambda client: ask(client.resources))
    method, *_, idempotent = one
    assert idempotent is (method != "GET")


@pytest.mark.parametrize(
    "asked", [{}, {"conversation": "chat_1", "metadata": {"a": "b"}, "timeout": 3.0}]
)
def test_both_prompt_the_same(asked: dict[str, Any], script: Script) -> None:
    async def by_await(client: Any) -> Any:
        return await (await client.resources.chatbots.get("a")).prompt("Hi", **asked)

    script.answers = [says(BOT), says(COMPLETION)]
    one = by_waiting(
        script, lambda client: client.resources.chatbots.get("a").prompt("Hi", **asked)
    )
    script.answers = [says(BOT), says(COMPLETION)]
    assert one == by_awaiting(script, by_await)
    assert b"timeout" not in one[2]


def test_every_method_is_there_on_both_and_called_above() -> None:
    client = smarter.Smarter(api_key=KEY)
    later = smarter.AsyncSmarter(api_key=KEY)
    ours, theirs = methods(client.resources), methods(later.resources)
    assert ours.keys() == theirs.keys() == CALLS.keys()
    assert {name: str(ours[name].parameters) for name in ours} == {
        name: str(theirs[name].parameters) for name in theirs
    }


def methods(resources: Resources | AsyncResources) -> dict[str, inspect.Signature]:
    """`api_keys.get` → its signature; what makes another resource is that resource's methods."""
    places = {
        "": resources, "api_keys.": resources.api_keys, "organisation.": resources.organisation,
        "chatbots.": resources.chatbots, "chatbots.versions.": resources.chatbots.versions("a"),
    }  # fmt: skip
    return {
        place + name: inspect.signature(method)
        for place, resource in places.items()
        for name, method in inspect.getmembers(type(resource), inspect.isfunction)
        if not name.startswith("_") and place + name != "chatbots.versions"
    }
