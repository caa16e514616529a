"""Conversations are made, described, read and deleted, by their own organisation alone."""

import time

import pytest

from inference.models import Conversation, ConversationItem, Response
from tests.cast import Person
from tests.conversations.conftest import Ask, asks, said


def test_a_conversation_is_made_and_read(ask: Ask) -> None:
    made = ask("POST", "/v1/conversations", {"metadata": {"topic": "bread"}})
    assert made.status == 200
    assert made.body["id"].startswith("conv_")
    assert made.body["object"] == "conversation"
    assert made.body["metadata"] == {"topic": "bread"}
    assert abs(made.body["created_at"] - time.time()) < 60
    assert ask("GET", f"/v1/conversations/{made.body['id']}").body == made.body
    assert ask("GET", f"/conversations/{made.body['id']}").body == made.body


def test_metadata_is_replaced(ask: Ask) -> None:
    path = (
        f"/v1/conversations/{ask('POST', '/v1/conversations', {'metadata': {'a': 'b'}}).body['id']}"
    )
    assert ask("POST", path, {"metadata": {"c": "d"}}).body["metadata"] == {"c": "d"}
    assert ask("GET", path).body["metadata"] == {"c": "d"}
    assert ask("POST", path, {"metadata": None}).body["metadata"] == {}


@pytest.mark.parametrize(
    ("metadata", "param"),
    [
        ({f"k{number}": "v" for number in range(17)}, "metadata"),
        ({"k" * 65: "v"}, "metadata"),
        ({"k": "v" * 513}, "metadata.k"),
        ({"k": 1}, "metadata.k"),
        ("text", "metadata"),
    ],
)
def test_metadata_has_limits(ask: Ask, metadata: object, param: str) -> None:
    for path in ("/v1/conversations", f"/v1/conversations/{_made(ask)}"):
        refused = ask("POST", path, {"metadata": metadata})
        assert refused.status == 400
        assert refused.error["param"].startswith(param)


def test_metadata_up_to_the_limits_is_taken(ask: Ask) -> None:
    metadata = {f"{number:064}": "v" * 512 for number in range(16)}
    assert ask("POST", "/v1/conversations", {"metadata": metadata}).body["metadata"] == metadata


def test_what_is_unknown_or_missing_is_named(ask: Ask) -> None:
    refused = ask("POST", "/v1/conversations", {"colour": "blue"})
    assert (refused.status, refused.error["code"]) == (400, "unknown_parameter")
    refused = ask("POST", f"/v1/conversations/{_made(ask)}", {})
    assert (refused.status, refused.error["param"]) == (400, "metadata")


def test_a_deleted_conversation_is_gone_with_its_items(ask: Ask, conversation: str) -> None:
    path = f"/v1/conversations/{conversation}"
    gone = ask("DELETE", path)
    assert gone.body == {"id": conversation, "object": "conversation.deleted", "deleted": True}
    assert not Conversation.objects.exists()
    assert not ConversationItem.objects.exists()
    _unknown_everywhere(ask, path)


def test_a_response_outlives_its_conversation(ask: Ask, ada: Person, conversation: str) -> None:
    Response.objects.create(
        id="resp_1", organisation=ada.organisation, conversation_id=conversation,
        status="completed", model="m", input=[], body={},
    )  # fmt: skip
    assert ask("DELETE", f"/v1/conversations/{conversation}").status == 200
    assert Response.objects.get().conversation_id is None


def test_a_strangers_conversation_is_unknown(ask: Ask, mallory: Person, conversation: str) -> None:
    _unknown_everywhere(asks(mallory), f"/v1/conversations/{conversation}")
    listed = ask("GET", f"/v1/conversations/{conversation}/items").body["data"]
    assert len(listed) == 3


def _unknown_everywhere(ask: Ask, path: str) -> None:
    calls: list[tuple[str, str, object]] = [
        ("GET", path, None),
        ("POST", path, {"metadata": {}}),
        ("DELETE", path, None),
        ("GET", f"{path}/items", None),
        ("POST", f"{path}/items", {"items": [said("hello")]}),
        ("GET", f"{path}/items/msg_1", None),
        ("DELETE", f"{path}/items/msg_1", None),
    ]
    for method, where, body in calls:
        answer = ask(method, where) if method == "GET" else ask(method, where, body)
        assert (answer.status, answer.error["code"]) == (404, "not_found"), (method, where)


def _made(ask: Ask) -> str:
    made: str = ask("POST", "/v1/conversations", {}).body["id"]
    return made
