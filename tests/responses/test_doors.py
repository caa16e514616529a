"""Every route of Responses asks who calls, counts it, and answers errors in one envelope."""

from typing import Any

import pytest
from asgiref.sync import sync_to_async

from inference.responses.compacted import sealed
from tests.inference.asgi import Tenant
from tests.inference.conftest import Fund, balance
from tests.responses.wire import PATH, Call, ask, call, cancel, read, said

ROUTES = [
    ("POST", PATH),
    ("POST", "/responses"),
    ("GET", f"{PATH}/resp_1"),
    ("GET", "/responses/resp_1?stream=true"),
    ("POST", f"{PATH}/resp_1/cancel"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_key_nothing_is_told(bakery: Tenant, method: str, path: str) -> None:
    stranger = Call(b"{}", {"host": "testserver"}, path, method)
    await stranger.finished()
    assert (stranger.status, stranger.error["code"]) == (401, "invalid_api_key")
    assert stranger.answer_headers["x-request-id"].startswith("req_")


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_other_methods_are_refused(bakery: Tenant, method: str) -> None:
    odd = Call(b"{}", {"host": "testserver"}, PATH, method)
    await odd.finished()
    assert (odd.status, odd.error["code"]) == (405, "method_not_allowed")


async def test_every_call_counts_against_the_limit_of_the_key(bakery: Tenant) -> None:
    first = await ask(bakery)
    second = await read(bakery, first.json["id"])
    left = "x-ratelimit-remaining-requests"
    assert int(first.answer_headers[left]) - int(second.answer_headers[left]) == 1
    stream = await ask(bakery, stream=True)
    assert int(second.answer_headers[left]) - int(stream.answer_headers[left]) == 1


@pytest.mark.parametrize("fields", [{}, {"stream": True}, {"background": True}])
async def test_an_empty_balance_is_refused_before_anything_else(
    money: None, fund: Fund, fields: dict[str, Any]
) -> None:
    poor = await sync_to_async(fund)("Poor", nano=0)
    refused = await ask(poor, **fields)
    assert (refused.status, refused.error["code"]) == (403, "insufficient_balance")


async def test_a_body_that_is_no_request_is_refused(bakery: Tenant) -> None:
    for body in (b"", b"[]", b"null", b"{", b'{"input":"a","input":"b"}'):
        sent = call(bakery)
        odd = Call(body, sent.headers, PATH)
        sent.task.cancel()
        await odd.finished()
        assert odd.status == 400
        assert odd.error["message"]


@pytest.mark.parametrize("odd", ["\0", "a\nb", ">å"])
async def test_an_id_that_none_can_have_is_unknown_like_any_other(bakery: Tenant, odd: str) -> None:
    for made in (await read(bakery, odd), await cancel(bakery, odd)):
        assert (made.status, made.error["param"]) == (404, "response_id")


async def test_a_compaction_item_stands_for_its_items(bakery: Tenant, mill: Tenant) -> None:
    items = [
        {"id": "msg_1", "type": "message", "role": "user", "content": [{"text": "a b c"}]},
    ]
    item = {"type": "compaction", "encrypted_content": sealed(items, bakery.organisation_id)}
    answer = await ask(bakery, [item, {"role": "user", "content": "d"}])
    assert (said(answer.json), answer.json["usage"]["input_tokens"]) == ("d", 4)
    for refused in (
        await ask(mill, [item]),
        await ask(bakery, [{**item, "encrypted_content": ""}]),
    ):
        assert (refused.status, refused.error["param"]) == (400, "input")
    assert (await balance(mill)) == (10**9, 0)
