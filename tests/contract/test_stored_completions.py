"""Stored chat completions through the real client: every verb it has for them."""

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam

from tests.running import Server, Tenant

ASKED: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "Hello!"}]},
]


def store(tenant: Tenant, label: str) -> ChatCompletion:
    return tenant.client().chat.completions.create(
        model="smarter-mini",
        messages=ASKED,
        max_tokens=8,
        temperature=0,
        store=True,
        metadata={"label": label},
    )


def test_one_is_retrieved_updated_and_deleted(ada: Tenant) -> None:
    completions = ada.client().chat.completions
    sent = store(ada, "verbs")
    read = completions.retrieve(sent.id)
    assert (read.choices, read.usage, read.created) == (sent.choices, sent.usage, sent.created)
    assert read.metadata == {"label": "verbs"}

    changed = completions.update(sent.id, metadata={"label": "changed"})
    assert changed.id == sent.id
    assert changed.metadata == {"label": "changed"}

    gone = completions.delete(sent.id)
    assert (gone.id, gone.deleted, gone.object) == (sent.id, True, "chat.completion.deleted")
    with pytest.raises(openai.NotFoundError) as refused:
        completions.retrieve(sent.id)
    assert refused.value.code == "not_found"


def test_the_client_walks_the_pages_of_a_filtered_list(ada: Tenant) -> None:
    made = [store(ada, "paged").id for _ in range(5)]
    store(ada, "another")
    listed = ada.client().chat.completions.list(
        metadata={"label": "paged"}, model="smarter-mini", limit=2
    )
    assert [one.id for one in listed] == made
    newest = ada.client().chat.completions.list(metadata={"label": "paged"}, order="desc")
    assert [one.id for one in newest] == made[::-1]


def test_the_client_walks_the_messages(ada: Tenant) -> None:
    sent = store(ada, "messages")
    messages = list(ada.client().chat.completions.messages.list(sent.id, limit=1))
    assert [one.content for one in messages] == ["Be brief.", "Hello!"]
    assert len({one.id for one in messages}) == 2
    parts = messages[1].content_parts
    assert parts is not None
    assert parts[0].to_dict() == {"type": "text", "text": "Hello!"}


async def test_a_stream_is_stored_and_read_by_the_asynchronous_client(ada: Tenant) -> None:
    async with ada.async_client() as client:
        stream = await client.chat.completions.create(
            model="smarter-mini", messages=ASKED, max_tokens=8, store=True, stream=True
        )
        chunks = [chunk async for chunk in stream]
        said = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
        read = await client.chat.completions.retrieve(chunks[0].id)
    assert read.choices[0].message.content == said != ""


def test_a_stranger_finds_nothing(server: Server, ada: Tenant) -> None:
    sent = store(ada, "secret")
    mallory = server.tenant("Mallory's mill").client().chat.completions
    for verb in (mallory.retrieve, mallory.delete, lambda one: mallory.update(one, metadata={})):
        with pytest.raises(openai.NotFoundError):
            verb(sent.id)
    with pytest.raises(openai.NotFoundError):
        mallory.messages.list(sent.id)
    assert list(mallory.list()) == []
    assert ada.client().chat.completions.retrieve(sent.id).id == sent.id
