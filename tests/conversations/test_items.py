"""Items keep their order and their shape, whoever adds them, at the same time or not."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.conversations.conftest import Ask, said


def texts(items: Sequence[dict[str, Any]]) -> list[str]:
    return [item["content"][0]["text"] for item in items]


def test_items_come_in_the_long_form_with_ids(ask: Ask, conversation: str) -> None:
    given = [
        said("hello"),
        {"type": "message", "role": "assistant", "content": "hi"},
        {"type": "function_call", "call_id": "call_1", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "call_1", "output": "42"},
    ]
    made = ask("POST", f"/v1/conversations/{conversation}/items", {"items": given})
    assert made.status == 200
    assert made.body["object"] == "list"
    assert made.body["has_more"] is False
    hello, hi, call, output = made.body["data"]
    assert hello == {
        "id": hello["id"],
        "type": "message",
        "role": "user",
        "status": "completed",
        "content": [{"type": "input_text", "text": "hello"}],
    }
    assert hi["content"][0]["type"] == "output_text"
    assert (call["type"], call["arguments"], call["status"]) == ("function_call", "{}", "completed")
    assert output["output"] == "42"
    assert [item["id"].partition("_")[0] for item in made.body["data"]] == [
        "msg", "msg", "fc", "fco",
    ]  # fmt: skip
    assert (made.body["first_id"], made.body["last_id"]) == (hello["id"], output["id"])
    one = ask("GET", f"/v1/conversations/{conversation}/items/{call['id']}")
    assert one.body == call


def test_a_list_is_paged_newest_first(ask: Ask, conversation: str) -> None:
    path = f"/v1/conversations/{conversation}/items"
    everything = ask("GET", path).body
    assert texts(everything["data"]) == ["three", "two", "one"]
    assert everything["has_more"] is False
    first = ask("GET", path, limit=2).body
    assert texts(first["data"]) == ["three", "two"]
    assert first["has_more"] is True
    assert (first["first_id"], first["last_id"]) == tuple(item["id"] for item in first["data"])
    second = ask("GET", path, limit=2, after=first["last_id"]).body
    assert texts(second["data"]) == ["one"]
    assert second["has_more"] is False
    oldest = ask("GET", path, order="asc", limit=1).body
    assert texts(oldest["data"]) == ["one"]
    assert texts(ask("GET", path, order="asc", after=oldest["last_id"]).body["data"]) == [
        "two", "three",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 101}, {"order": "up"}, {"after": "msg_1"}, {"after": "\n"}]
)
def test_a_wrong_page_is_refused(ask: Ask, conversation: str, query: dict[str, object]) -> None:
    refused = ask("GET", f"/v1/conversations/{conversation}/items", **query)
    assert refused.status == 400
    assert refused.error["param"] == next(iter(query))


def test_another_conversations_item_is_no_cursor_and_no_item(ask: Ask, conversation: str) -> None:
    other = ask("POST", "/v1/conversations", {"items": [said("other")]}).body["id"]
    item = ask("GET", f"/v1/conversations/{other}/items").body["first_id"]
    path = f"/v1/conversations/{conversation}/items"
    assert ask("GET", path, after=item).status == 400
    assert ask("GET", f"{path}/{item}").status == 404
    assert ask("DELETE", f"{path}/{item}").status == 404
    assert ask("GET", f"/v1/conversations/{other}/items/{item}").status == 200


def test_a_deleted_item_is_gone_and_the_conversation_is_answered(
    ask: Ask, conversation: str
) -> None:
    path = f"/v1/conversations/{conversation}/items"
    item = ask("GET", path, order="asc").body["data"][1]["id"]
    left = ask("DELETE", f"{path}/{item}")
    assert (left.body["id"], left.body["object"]) == (conversation, "conversation")
    assert texts(ask("GET", path).body["data"]) == ["three", "one"]
    assert ask("DELETE", f"{path}/{item}").status == 404


@pytest.mark.parametrize(
    ("items", "param"),
    [
        ([], "items"),
        ([said("x")] * 21, "items"),
        (None, "items"),
        ([{"role": "user"}], "items[0].content"),
        ([said("x"), {"role": "nobody", "content": "x"}], "items[1].role"),
        ([{"type": "poem", "text": "x"}], "items[0].type"),
        ([{"type": "item_reference", "id": "msg_1"}], "items[0]"),
    ],
)
def test_wrong_items_are_refused(ask: Ask, conversation: str, items: object, param: str) -> None:
    refused = ask("POST", f"/v1/conversations/{conversation}/items", {"items": items})
    assert refused.status == 400
    assert refused.error["param"] == param
    assert len(ask("GET", f"/v1/conversations/{conversation}/items").body["data"]) == 3


def test_twenty_items_and_no_more_can_begin_a_conversation(ask: Ask) -> None:
    assert ask("POST", "/v1/conversations", {"items": [said("x")] * 20}).status == 200
    assert ask("POST", "/v1/conversations", {"items": [said("x")] * 21}).status == 400


def test_an_include_is_accepted(ask: Ask, conversation: str) -> None:
    path = f"/v1/conversations/{conversation}/items?include[]=message.output_text.logprobs"
    assert ask("GET", path).status == 200
    assert ask("POST", path, {"items": [said("x")]}).status == 200
