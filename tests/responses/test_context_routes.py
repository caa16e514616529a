"""A response's context counted and made short: what is charged, what is kept, who can read it."""

import json
from typing import Any

import pytest

from billing.pricing import usd
from inference.gateway.contexts import compacting
from inference.models import Response
from inference.responses import rows
from inference.responses.compacted import expanded
from tests.inference.asgi import Tenant
from tests.inference.conftest import balance, cost, holds, only_hold
from tests.responses.wire import Call, ask, said

SUMMARY = len(compacting.ASK.split())  # the scripted model says what it was last asked


async def post(tenant: Tenant, path: str, *, key: str | None = None, **fields: Any) -> Call:
    headers = {"authorization": f"Bearer {tenant.api_key}", "host": "testserver"}
    if key:
        headers["idempotency-key"] = key
    body = json.dumps({"model": "scripted", **fields}).encode()
    made = Call(body, headers, f"/v1/responses/{path}")
    await made.finished()
    return made


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, str]:
    return {"role": "assistant", "content": text}


LONG = [user("one two"), assistant("a b c"), user("three")]


async def test_tokens_are_counted_for_nothing(bakery: Tenant) -> None:
    before = await balance(bakery)
    counted = await post(bakery, "input_tokens", input=LONG, instructions="be brief now")
    assert counted.status == 200
    assert counted.json == {"object": "response.input_tokens", "input_tokens": 9}
    assert await balance(bakery) == before
    assert await holds() == []
    made = await ask(bakery, LONG, instructions="be brief now")
    assert made.json["usage"]["input_tokens"] == 9


async def test_what_came_before_counts_too(bakery: Tenant) -> None:
    first = (await ask(bakery, "a b c")).json["id"]
    counted = await post(bakery, "input_tokens", input="d", previous_response_id=first)
    assert counted.json["input_tokens"] == 7


async def test_counting_takes_a_request_of_the_minute(bakery: Tenant) -> None:
    counted = await post(bakery, "input_tokens", input="x")
    left = int(counted.answer_headers["x-ratelimit-remaining-requests"])
    again = await post(bakery, "input_tokens", input="x")
    assert int(again.answer_headers["x-ratelimit-remaining-requests"]) == left - 1


@pytest.mark.parametrize("path", ["input_tokens", "compact"])
async def test_wrong_requests_are_refused_by_name(bakery: Tenant, path: str) -> None:
    for fields, status, param in (
        ({"input": "x", "stream": True}, 400, "stream"),
        ({"input": "x", "colour": "blue"}, 400, "colour"),
        ({"input": [{"role": "user"}]}, 400, "input[0].content"),
        ({"input": "x", "model": "nobody"}, 404, "model"),
        ({"input": "x", "previous_response_id": "resp_no"}, 400, "previous_response_id"),
    ):
        refused = await post(bakery, path, **fields)
        assert (refused.status, refused.json["error"]["param"]) == (status, param), fields
    assert await holds() == []


async def test_what_does_not_fit_is_not_counted(bakery: Tenant) -> None:
    refused = await post(bakery, "input_tokens", input="w " * 9000)
    assert (refused.status, refused.json["error"]["code"]) == (400, "context_length_exceeded")


async def test_few_bytes_cannot_stand_for_a_context_without_end(
    bakery: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "MOST_SIZE", 5000)
    first = await ask(bakery, "w " * 1000)
    item = f"msg_{first.json['id'][5:33]}8000"
    references = [{"type": "item_reference", "id": item}]
    assert (await post(bakery, "input_tokens", input=references)).status == 200
    second = await ask(bakery, "x " * 1000, previous_response_id=first.json["id"], store=True)
    for refused in (
        await post(bakery, "input_tokens", input=references * 3, truncation="auto"),
        second,
    ):
        assert (refused.status, refused.json["error"]["code"]) == (400, "context_length_exceeded")


async def test_of_a_long_chain_no_more_is_read_than_tells_that_it_is_too_long(
    bakery: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    previous: str = (await ask(bakery, "w " * 300)).json["id"]
    for _ in range(3):
        previous = (await ask(bakery, "w " * 300, previous_response_id=previous)).json["id"]
    assert len(await rows.chain(bakery.organisation_id, previous)) == 8
    monkeypatch.setattr(rows, "MOST_SIZE", 2000)
    assert len(await rows.chain(bakery.organisation_id, previous)) == 4


async def test_users_messages_stay_and_the_rest_becomes_one_item(bakery: Tenant) -> None:
    compacted = await post(bakery, "compact", input=LONG)
    assert compacted.status == 200
    body = compacted.json
    assert body["object"] == "response.compaction"
    *users, item = body["output"]
    assert [one["content"] for one in users] == [
        [{"type": "input_text", "text": "one two"}], [{"type": "input_text", "text": "three"}],
    ]  # fmt: skip
    assert item["type"] == "compaction"
    assert item["id"].startswith("cmp_")
    assert "a b c" not in item["encrypted_content"]
    (message,) = expanded([item], bakery.organisation_id)
    assert message["role"] == "assistant"
    assert message["content"][0]["text"] == compacting.ASK
    assert not await Response.objects.aexists()


async def test_a_summary_is_charged_like_any_answer(bakery: Tenant) -> None:
    before, _ = await balance(bakery)
    compacted = await post(bakery, "compact", input=LONG)
    hold = await only_hold()
    usage = compacted.json["usage"]
    assert usage["input_tokens"] == hold.prompt_tokens == 6 + SUMMARY
    assert usage["output_tokens"] == hold.completion_tokens == SUMMARY
    spent = cost(6 + SUMMARY, SUMMARY)
    assert (before - spent, 0) == await balance(bakery)
    assert compacted.answer_headers["x-request-cost"] == usage["cost"] == usd(spent)


async def test_what_was_compacted_is_input_later(bakery: Tenant) -> None:
    output = (await post(bakery, "compact", input=LONG)).json["output"]
    later = await ask(bakery, [*output, user("four")])
    assert later.json["usage"]["input_tokens"] == 4 + SUMMARY
    further = await ask(bakery, "five", previous_response_id=later.json["id"])
    assert further.json["usage"]["input_tokens"] == 4 + SUMMARY + 2
    again = await post(bakery, "compact", previous_response_id=further.json["id"])
    assert [one["type"] for one in again.json["output"]] == ["message"] * 4 + ["compaction"]


@pytest.mark.parametrize("damage", ["foreign", "tampered", "nonsense", "no ascii"])
async def test_what_others_compacted_is_refused(bakery: Tenant, mill: Tenant, damage: str) -> None:
    item = (await post(bakery, "compact", input=LONG)).json["output"][-1]
    content = item["encrypted_content"]
    middle = len(content) // 2
    other = "A" if content[middle] != "A" else "B"
    wrong = {
        "foreign": content,
        "tampered": content[:middle] + other + content[middle + 1 :],
        "nonsense": "nonsense",
        "no ascii": "☃" * 100,
    }[damage]
    caller = mill if damage == "foreign" else bakery
    for call in (
        await ask(caller, [{**item, "encrypted_content": wrong}, user("go on")]),
        await post(caller, "compact", input=[{**item, "encrypted_content": wrong}]),
        await post(caller, "input_tokens", input=[{**item, "encrypted_content": wrong}]),
    ):
        assert (call.status, call.json["error"]["param"]) == (400, "input")


async def test_the_same_key_again_gets_the_same_summary_for_one_charge(bakery: Tenant) -> None:
    first = await post(bakery, "compact", key="once", input=LONG)
    after = await balance(bakery)
    second = await post(bakery, "compact", key="once", input=LONG)
    assert second.json == first.json
    assert await balance(bakery) == after


async def test_a_conversation_that_fills_the_window_can_still_be_compacted(
    bakery: Tenant,
) -> None:
    full = [user("w " * 80) if place % 2 else assistant("w " * 80) for place in range(101)]
    compacted = await post(bakery, "compact", input=full)
    assert compacted.status == 200
    assert compacted.json["usage"]["input_tokens"] <= 8192 - compacting.SUMMARY_TOKENS
    assert len(compacted.json["output"]) == 51


async def test_tools_answers_are_summed_up_with_their_calls(bakery: Tenant) -> None:
    items = [
        user("weather?"),
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "sunny"},
    ]
    output = (await post(bakery, "compact", input=items)).json["output"]
    assert [one["type"] for one in output] == ["message", "compaction"]
    assert said((await ask(bakery, [*output, user("and now")])).json) == "and now"
