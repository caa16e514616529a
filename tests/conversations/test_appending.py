"""Runs append to conversations: in order, all or nothing, once, and never to one that is gone."""

import asyncio
from itertools import groupby

import pytest
from asgiref.sync import sync_to_async

from api import database
from api.errors import NotFound
from inference import conversations
from inference.conversations import keeping, new_item_id
from inference.models import Conversation, ConversationItem
from tests.cast import Person

pytestmark = pytest.mark.usefixtures("async_db")


def item(text: str) -> dict[str, str]:
    return {"id": new_item_id("message"), "type": "message", "text": text}


@sync_to_async
def made(ada: Person) -> str:
    return keeping.create(ada.organisation.id, {}, []).id


async def test_items_come_back_in_their_order(ada: Person) -> None:
    here = await made(ada)
    first = [item(str(number)) for number in range(30)]
    await conversations.append(ada.organisation.id, here, first)
    await conversations.append(ada.organisation.id, here, [last := item("last")])
    assert await conversations.items(ada.organisation.id, here) == [*first, last]


async def test_appends_at_the_same_time_do_not_mix(ada: Person) -> None:
    here = await made(ada)

    async def by_a_run(name: str) -> None:
        await conversations.append(ada.organisation.id, here, [item(name) for _ in range(20)])

    def by_a_call(name: str) -> None:
        keeping.add(ada.organisation.id, here, [item(name) for _ in range(20)])

    runs = [by_a_run(f"run {number}") for number in range(10)]
    calls = [sync_to_async(by_a_call)(f"call {number}") for number in range(5)]
    await asyncio.gather(*runs, *calls)
    found = await conversations.items(ada.organisation.id, here)
    groups = [(name, len(list(group))) for name, group in groupby(found, lambda one: one["text"])]
    assert [size for _name, size in groups] == [20] * 15
    assert len({name for name, _size in groups}) == 15


async def test_the_same_items_again_do_no_harm(ada: Person) -> None:
    here = await made(ada)
    twice = [item("one"), item("two")]
    await conversations.append(ada.organisation.id, here, twice)
    await conversations.append(ada.organisation.id, here, twice)
    assert await conversations.items(ada.organisation.id, here) == twice


async def test_an_append_shares_its_callers_transaction(ada: Person) -> None:
    here = await made(ada)
    async with database.connection() as connection, connection.transaction(force_rollback=True):
        await conversations.append(ada.organisation.id, here, [item("no")], connection)
    assert await conversations.items(ada.organisation.id, here) == []


async def test_strange_text_is_kept_as_it_is(ada: Person) -> None:
    here = await made(ada)
    strange = item("quotes ' \" %s {} \\ ☃ 😀 \n")
    await conversations.append(ada.organisation.id, here, [strange])
    assert await conversations.items(ada.organisation.id, here) == [strange]


async def test_a_stranger_reads_and_appends_nothing(ada: Person, mallory: Person) -> None:
    here = await made(ada)
    with pytest.raises(NotFound):
        await conversations.items(mallory.organisation.id, here)
    with pytest.raises(NotFound):
        await conversations.append(mallory.organisation.id, here, [item("no")])
    assert await conversations.items(ada.organisation.id, here) == []


async def test_nothing_is_appended_to_a_conversation_that_is_gone(ada: Person) -> None:
    here = await made(ada)
    await sync_to_async(keeping.delete)(ada.organisation.id, here)
    with pytest.raises(NotFound):
        await conversations.append(ada.organisation.id, here, [item("no")])
    with pytest.raises(NotFound):
        await conversations.items(ada.organisation.id, here)


async def test_appends_and_the_end_at_the_same_time_leave_nothing(ada: Person) -> None:
    for _ in range(5):
        here = await made(ada)
        appends = [
            conversations.append(ada.organisation.id, here, [item("x")] * 1) for _ in range(10)
        ]
        end = sync_to_async(keeping.delete)(ada.organisation.id, here)
        results = await asyncio.gather(*appends[:5], end, *appends[5:], return_exceptions=True)
        failures = [result for result in results if result is not None]
        assert all(isinstance(failure, NotFound) for failure in failures), failures
    assert not await Conversation.objects.aexists()
    assert not await ConversationItem.objects.aexists()
