"""Chat completions with `store: true`: kept whoever listened, read by their organisation alone."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts import keys
from accounts.models import Organisation
from config.asgi import application
from inference import runs
from inference.models import StoredCompletion
from inference.schemas.chat_completions import ChatCompletionRequest
from inference.stored_completions import recording
from inference.stored_completions.schemas import (
    DeletedChatCompletion,
    StoredChatCompletion,
    StoredChatCompletionList,
    StoredMessageList,
)
from tests.inference.asgi import Tenant
from tests.inference.conftest import only_hold

PATH = "/v1/chat/completions"
Query = dict[str, str | int]


@pytest.fixture
async def site() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(application)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.fixture
async def reading(ada: Tenant, site: httpx.AsyncClient) -> httpx.AsyncClient:
    """Ada's own client."""
    site.headers["authorization"] = f"Bearer {ada.api_key}"
    return site


async def stored(tenant: Tenant, words: str = "a b", **fields: Any) -> dict[str, Any]:
    call = await tenant.ask(words, store=True, **fields)
    assert call.status == 200, call.raw
    answer: dict[str, Any] = call.json
    return answer


async def ids(reading: httpx.AsyncClient, **query: str | int) -> list[str]:
    page = await reading.get(PATH, params=query)
    assert page.status_code == 200, page.text
    StoredChatCompletionList.model_validate(page.json())
    return [one["id"] for one in page.json()["data"]]


async def test_a_stored_one_is_read_as_it_was_sent_and_as_it_was_asked_for(
    ada: Tenant, reading: httpx.AsyncClient
) -> None:
    sent = await stored(
        ada, n=2, logprobs=True, temperature=0.5, seed=7, user="u1", metadata={"kind": "test"}
    )
    read = (await reading.get(f"{PATH}/{sent['id']}")).json()
    StoredChatCompletion.model_validate(read)
    assert {name: read[name] for name in sent} == sent
    assert (read["metadata"], read["input_user"]) == ({"kind": "test"}, "u1")
    assert (read["temperature"], read["seed"], read["top_p"]) == (0.5, 7, None)
    assert read["request_id"].startswith("req_")


@pytest.mark.parametrize("store", [None, False])
async def test_what_was_not_to_be_stored_is_not(
    ada: Tenant, reading: httpx.AsyncClient, store: bool | None
) -> None:
    sent = (await ada.ask("a", store=store)).json
    assert (await reading.get(f"{PATH}/{sent['id']}")).status_code == 404
    assert await ids(reading) == []


async def test_a_stream_is_stored_as_one_answer(ada: Tenant, reading: httpx.AsyncClient) -> None:
    call = await ada.ask("a b c", store=True, stream=True)
    read = (await reading.get(f"{PATH}/{call.events[0]['id']}")).json()
    StoredChatCompletion.model_validate(read)
    assert read["choices"][0]["message"]["content"] == "a b c"
    assert read["usage"]["completion_tokens"] == 3


async def test_a_stream_whose_reader_leaves_goes_on_and_is_stored_whole(
    ada: Tenant, reading: httpx.AsyncClient
) -> None:
    call = ada.call("#words=30 #pace=10", store=True, stream=True)
    await call.came(3)
    call.leave()
    await call.finished()
    hold = await only_hold()
    assert (hold.completion_tokens, hold.finish_reason) == (30, "stop")
    digits = hold.id.removeprefix("gen_")
    read = (await reading.get(f"{PATH}/chatcmpl-{digits}")).json()
    assert read["choices"][0]["message"]["content"].endswith("w30")


async def test_a_failure_is_not_stored(ada: Tenant, reading: httpx.AsyncClient) -> None:
    assert (await ada.ask("#fail=1", store=True)).status == 503
    await ada.ask("#fail=1", store=True, stream=True)
    assert await ids(reading) == []


async def test_a_retry_with_the_same_idempotency_key_is_stored_once(
    ada: Tenant, reading: httpx.AsyncClient
) -> None:
    once = {"idempotency-key": "once"}
    for _ in range(2):
        await ada.call("a", store=True, headers=once).finished()
    assert len(await ids(reading)) == 1


async def test_a_database_that_is_away_for_a_moment_loses_nothing(
    ada: Tenant, reading: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep, attempts = recording.keep, 0

    async def fails_once(*given: Any) -> None:
        nonlocal attempts
        attempts += 1
        await keep(*given)  # the row is there, and its news is lost
        if attempts == 1:
            raise psycopg.OperationalError("gone")

    monkeypatch.setattr(recording, "keep", fails_once)
    await ada.ask("a", store=True)
    await runs.drain()
    assert attempts == 2
    assert len(await ids(reading)) == 1


async def test_an_answer_with_a_character_that_no_row_can_hold_is_stored(
    ada: Tenant, reading: httpx.AsyncClient
) -> None:
    asked = {"messages": [{"role": "user", "content": "a"}]}
    schema = ChatCompletionRequest.model_validate(asked)
    answer = rb'{"id":"chatcmpl-1","model":"m","text":"a\u0000b \\u0000 \\\u0000"}'
    for _ in range(2):  # a second time changes nothing
        await recording.keep(ada.organisation_id, schema, answer)
    row = await StoredCompletion.objects.aget()
    assert row.answer["text"] == "a\ufffdb \\u0000 \\\ufffd"


async def test_lists_come_in_pages_the_oldest_first(
    ada: Tenant, reading: httpx.AsyncClient
) -> None:
    made = [(await stored(ada, str(number)))["id"] for number in range(5)]
    assert await ids(reading) == made
    assert await ids(reading, order="desc") == made[::-1]
    assert await ids(reading, limit=2, after=made[1]) == made[2:4]
    assert await ids(reading, before=made[1]) == made[:1]
    page = (await reading.get(PATH, params={"limit": 2})).json()
    assert (page["has_more"], page["first_id"], page["last_id"]) == (True, made[0], made[1])


async def test_lists_are_filtered_by_model_and_labels(
    ada: Tenant, reading: httpx.AsyncClient
) -> None:
    first = (await stored(ada, metadata={"a": "1", "b": "2"}))["id"]
    second = (await stored(ada, metadata={"a": "1"}))["id"]
    assert await ids(reading, **{"metadata[a]": "1"}) == [first, second]
    assert await ids(reading, **{"metadata[a]": "1", "metadata[b]": "2"}) == [first]
    assert await ids(reading, **{"metadata[a]": "2"}) == []
    assert await ids(reading, model="scripted", limit=1) == [first]
    assert await ids(reading, model="another") == []


@pytest.mark.parametrize(
    ("query", "param"),
    [({"limit": 0}, "limit"), ({"order": "x"}, "order"), ({"after": "chatcmpl-x"}, "after")],
)
async def test_a_wrong_page_is_refused_by_name(
    reading: httpx.AsyncClient, query: Query, param: str
) -> None:
    answer = await reading.get(PATH, params=query)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_the_labels_are_replaced(ada: Tenant, reading: httpx.AsyncClient) -> None:
    sent = await stored(ada, metadata={"old": "1"})
    for metadata, left in ({"new": "2"}, {"new": "2"}), (None, {}):
        answer = await reading.post(f"{PATH}/{sent['id']}", json={"metadata": metadata})
        assert (answer.status_code, answer.json()["metadata"]) == (200, left)
        assert (await reading.get(f"{PATH}/{sent['id']}")).json() == answer.json()


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "metadata"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {"k" * 65: "v"}}, "metadata"),
        ({"metadata": {str(i): "v" for i in range(17)}}, "metadata"),
        ({"metadata": {}, "model": "m"}, "model"),
    ],
)
async def test_wrong_labels_are_refused_by_name(
    ada: Tenant, reading: httpx.AsyncClient, body: dict[str, Any], param: str
) -> None:
    sent = await stored(ada)
    answer = await reading.post(f"{PATH}/{sent['id']}", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith(param)


async def test_the_messages_are_those_of_the_request(
    ada: Tenant, reading: httpx.AsyncClient
) -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": parts, "name": "Ada"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "7"},
    ]
    sent = await stored(ada, messages=messages)
    page = (await reading.get(f"{PATH}/{sent['id']}/messages")).json()
    StoredMessageList.model_validate(page)
    system, user, assistant, tool = page["data"]
    assert (system["role"], system["content"], system["content_parts"]) == (
        "system", "Be brief.", None,
    )  # fmt: skip
    assert (user["content"], user["content_parts"], user["name"]) == ("a\nb", parts, "Ada")
    assert (assistant["content"], assistant["tool_calls"]) == (None, [call])
    assert (tool["tool_call_id"], tool["content"]) == ("call_1", "7")
    assert system["id"] == f"{sent['id']}-0" == page["first_id"]

    query: Query = {"limit": 2, "order": "desc", "after": tool["id"]}
    page = (await reading.get(f"{PATH}/{sent['id']}/messages", params=query)).json()
    assert [one["role"] for one in page["data"]] == ["assistant", "user"]
    assert page["has_more"]


async def test_a_deleted_one_is_gone(ada: Tenant, reading: httpx.AsyncClient) -> None:
    sent = await stored(ada)
    answer = await reading.delete(f"{PATH}/{sent['id']}")
    DeletedChatCompletion.model_validate(answer.json())
    for method in ("GET", "POST", "DELETE"):
        again = await reading.request(method, f"{PATH}/{sent['id']}", json={"metadata": {}})
        assert (again.status_code, again.json()["error"]["code"]) == (404, "not_found")


async def test_one_whose_time_is_over_is_gone(ada: Tenant, reading: httpx.AsyncClient) -> None:
    sent = await stored(ada)
    row = await StoredCompletion.objects.aget()
    assert timedelta(days=29) < row.expires_at - timezone.now() < timedelta(days=31)
    await StoredCompletion.objects.aupdate(expires_at=timezone.now())
    assert (await reading.get(f"{PATH}/{sent['id']}")).status_code == 404
    assert await ids(reading) == []


async def test_a_strangers_are_unknown(ada: Tenant, reading: httpx.AsyncClient) -> None:
    sent = await stored(ada, metadata={"a": "1"})
    mallory = await sync_to_async(_second)()
    reading.headers["authorization"] = f"Bearer {mallory}"
    path = f"{PATH}/{sent['id']}"
    for method, where in (
        ("GET", path), ("GET", f"{path}/messages"), ("POST", path), ("DELETE", path),
    ):  # fmt: skip
        answer = await reading.request(method, where, json={"metadata": {"a": "2"}})
        assert answer.status_code == 404, (method, where)
    assert await ids(reading) == []
    assert (await reading.get(PATH, params={"after": sent["id"]})).status_code == 400
    row = await StoredCompletion.objects.aget()
    assert row.metadata == {"a": "1"}


async def test_a_key_without_the_scope_reads_nothing(
    ada: Tenant, reading: httpx.AsyncClient
) -> None:
    await stored(ada)
    _, weak = await sync_to_async(keys.issue)(ada.organisation_id, scopes=["usage:read"])
    answer = await reading.get(PATH, headers={"authorization": f"Bearer {weak}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "insufficient_scope")


async def test_other_methods_are_told_what_the_path_can_do(reading: httpx.AsyncClient) -> None:
    answer = await reading.put(PATH, json={})
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) >= {"GET", "POST"}


def _second() -> str:
    """Another organisation's key."""
    organisation = Organisation.objects.create(name="Mallory's mill", slug="mallory")
    return keys.issue(organisation.id, scopes=["inference"])[1]
