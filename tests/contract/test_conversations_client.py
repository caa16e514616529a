"""The vendor's client on conversations and on what is kept of responses."""

from typing import Any

import openai
import pytest

from tests.running import Tenant


def words(item: object) -> str:
    return str(item.content[0].text)  # type: ignore[attr-defined]  # a message


def test_a_conversation_lives_as_the_client_expects(ada: Tenant) -> None:
    client = ada.client()
    made = client.conversations.create(
        metadata={"topic": "bread"},
        items=[{"type": "message", "role": "user", "content": "Hello!"}],
    )
    assert (made.object, made.metadata) == ("conversation", {"topic": "bread"})
    assert client.conversations.retrieve(made.id) == made
    changed = client.conversations.update(made.id, metadata={"topic": "cake"})
    assert changed.metadata == {"topic": "cake"}
    gone = client.conversations.delete(made.id)
    assert (gone.object, gone.deleted) == ("conversation.deleted", True)
    with pytest.raises(openai.NotFoundError):
        client.conversations.retrieve(made.id)


def test_items_are_added_listed_and_deleted(ada: Tenant) -> None:
    client = ada.client()
    here = client.conversations.create().id
    for first in range(0, 60, 20):
        added = client.conversations.items.create(
            here,
            items=[{"role": "user", "content": f"item {first + number}"} for number in range(20)],
            include=["message.output_text.logprobs"],
        )
        assert len(added.data) == 20
        assert added.has_more is False
    everything = list(client.conversations.items.list(here, limit=25, order="asc"))
    assert [words(item) for item in everything] == [f"item {number}" for number in range(60)]
    newest = client.conversations.items.list(here, limit=2)
    assert [words(item) for item in newest.data] == ["item 59", "item 58"]
    one = everything[7]
    assert client.conversations.items.retrieve(one.id or "", conversation_id=here) == one
    left = client.conversations.items.delete(one.id or "", conversation_id=here)
    assert left.id == here
    with pytest.raises(openai.NotFoundError):
        client.conversations.items.retrieve(one.id or "", conversation_id=here)


def test_responses_read_and_extend_a_conversation(ada: Tenant) -> None:
    client = ada.client()
    here = client.conversations.create().id
    first = client.responses.create(input="Hello!", conversation=here, max_output_tokens=30)
    second = client.responses.create(
        input="And who are you?", conversation={"id": here}, max_output_tokens=30
    )
    assert first.conversation is not None
    assert first.conversation.id == here
    assert second.usage is not None
    assert first.usage is not None
    assert second.usage.input_tokens > first.usage.total_tokens
    items = list(client.conversations.items.list(here, order="asc"))
    assert [item.role for item in items] == ["user", "assistant"] * 2  # type: ignore[union-attr]  # all four are messages
    assert words(items[1]) == first.output_text


def test_input_items_counting_compacting_and_deletion(ada: Tenant) -> None:
    client = ada.client()
    counted = client.responses.input_tokens.count(input="Hello!", instructions="Be brief.")
    made = client.responses.create(input="Hello!", instructions="Be brief.", max_output_tokens=30)
    assert made.usage is not None
    assert counted.input_tokens == made.usage.input_tokens
    (item,) = client.responses.input_items.list(made.id)
    assert words(item) == "Hello!"
    compacted = client.responses.compact(model="smarter-mini", previous_response_id=made.id)
    assert [one.type for one in compacted.output] == ["message", "compaction"]
    assert compacted.usage.total_tokens > 0
    # The client has no class for a user's message among output items: it would warn.
    output: list[Any] = [one.to_dict(warnings=False) for one in compacted.output]
    later = client.responses.create(
        input=[*output, {"role": "user", "content": "Go on."}], max_output_tokens=30
    )
    assert later.status in {"completed", "incomplete"}
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.BadRequestError) as refused:
        client.responses.create(input="x", previous_response_id=made.id)
    assert refused.value.code == "previous_response_not_found"
