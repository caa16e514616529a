"""Two connections of one visitor see the same conversation."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from chatbots.consumers import redis_tabs, tabs
from chatbots.consumers.redis_tabs import RedisTabs
from chatbots.consumers.tabs import Asked, Tabs
from tests.chatbots.websocket.bots import Bot
from tests.chatbots.websocket.fake_conversing import Book
from tests.chatbots.websocket.test_answers import rest_of_answer, text_of
from tests.chatbots.websocket.wires import opened, session_of
from tests.inference.asgi import until


async def mine(bot: Bot, book: Book) -> dict[str, Any]:
    """What a visitor keeps who has a conversation."""
    async with opened(bot) as wire:
        token = (await session_of(wire))["visitor_token"]
        wire.send({"type": "conversation.create"})
        told = await wire.hear("session.updated")
    return {"visitor_token": token, "conversation": told["session"]["conversation"]["id"]}


async def test_the_other_tab_hears_the_question_and_the_same_answer(bot: Bot, book: Book) -> None:
    kept = await mine(bot, book)
    async with opened(bot, **kept) as one, opened(bot, **kept) as other, opened(bot) as stranger:
        for wire in (one, other, stranger):
            await session_of(wire)
        one.ask("Hello")
        added = await other.hear("conversation.item.added")
        (answer,) = book.answers
        assert added["item"]["content"] == "Hello"
        assert added["response_id"] == answer.response_id
        for word in ("One ", "two ", "three"):
            await answer.say(word)
        await answer.end()
        assert text_of(await rest_of_answer(one)) == "One two three"
        assert text_of(await rest_of_answer(other)) == "One two three"
        assert await stranger.silent()
    assert len(book.asked) == 1


async def test_a_question_that_is_sent_again_is_not_told_again(bot: Bot, book: Book) -> None:
    kept = await mine(bot, book)
    async with opened(bot, **kept) as one, opened(bot, **kept) as other:
        await session_of(one)
        await session_of(other)
        one.ask("Hello")
        await other.hear("conversation.item.added")
        one.ask("Hello")
        await one.hear("rate_limits.updated")
        await one.hear("rate_limits.updated")
        await book.answers[0].end()
        frames = await rest_of_answer(other)
    assert "conversation.item.added" not in {frame["type"] for frame in frames}


async def test_the_other_tab_hears_which_answer_is_asked_for_anew(bot: Bot, book: Book) -> None:
    kept = await mine(bot, book)
    async with opened(bot, **kept) as one, opened(bot, **kept) as other:
        await session_of(one)
        await session_of(other)
        one.ask("Hello", replaces="resp_broken")
        assert (await other.hear("conversation.item.added"))["replaces"] == "resp_broken"
    assert book.replaced == ["resp_broken"]


class Listener:
    def __init__(self, name: str) -> None:
        self.id = name
        self.news: list[Asked] = []
        self.looks = 0

    def hear(self, news: Asked) -> None:
        self.news.append(news)

    def look(self) -> None:
        self.looks += 1


@pytest.fixture(params=["memory", "redis"])
async def two(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Tabs, Tabs]]:
    """What two parts of the site have: the same, or one each with Redis between them."""
    if request.param == "memory":
        shared = Tabs()
        yield shared, shared
        return
    home = FakeServer()
    made = [RedisTabs(FakeAsyncRedis(server=home)) for _ in range(2)]
    first = Listener("first")
    for one in made:
        one.follow("any", first)
    await until(lambda: first.looks == 2)  # both have subscribed
    for one in made:
        one.leave("any", first)
    yield made[0], made[1]
    for one in made:
        await one.close()


async def test_news_reach_who_follows_and_not_who_asked(two: tuple[Tabs, Tabs]) -> None:
    here, there = two
    asker, follower, other = Listener("a"), Listener("b"), Listener("c")
    here.follow("chat_1", asker)
    there.follow("chat_1", follower)
    there.follow("chat_2", other)
    news = Asked("chat_1", "resp_1", "a")
    await here.tell(news)
    await until(lambda: follower.news)
    assert (asker.news, follower.news, other.news) == ([], [news], [])
    there.leave("chat_1", follower)
    await here.tell(news)
    await asyncio.sleep(0.05)
    assert follower.news == [news]


async def test_who_hears_redis_again_looks_what_it_has_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(redis_tabs, "AGAIN_SECONDS", 0.02)
    home, follower = FakeServer(), Listener("a")
    home.connected = False
    made = RedisTabs(FakeAsyncRedis(server=home))
    made.follow("chat_1", follower)
    await asyncio.sleep(0.1)
    assert follower.looks == 0
    home.connected = True
    await until(lambda: follower.looks == 1)
    await made.close()


async def test_who_looks_finds_the_question_that_nobody_told_it_of(
    bot: Bot, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def lost(_self: Tabs, _news: Asked) -> None: ...

    monkeypatch.setattr(Tabs, "tell", lost)
    kept = await mine(bot, book)
    async with opened(bot, **kept) as one, opened(bot, **kept) as other:
        await session_of(one)
        await session_of(other)
        one.ask("Hello")
        await one.hear("rate_limits.updated")
        tabs.tabs().look()
        added = await other.hear("conversation.item.added")
        assert added["response_id"] == book.answers[0].response_id
        await book.answers[0].end()
        await rest_of_answer(other)
        frames = await rest_of_answer(one)
    assert "conversation.item.added" not in {frame["type"] for frame in frames}


async def test_nothing_is_kept_of_connections_that_have_gone(bot: Bot, book: Book) -> None:
    kept = await mine(bot, book)
    async with opened(bot, **kept) as wire:
        await session_of(wire)
        wire.ask("Hello")
        await wire.hear("rate_limits.updated")
    assert not tabs.tabs()._listeners
    await until(lambda: book.answers[0].readers == 0)


async def test_a_question_is_asked_though_its_connection_left_at_once(bot: Bot, book: Book) -> None:
    book.waits = asyncio.Event()
    async with opened(bot) as wire:
        await session_of(wire)
        wire.ask("Hello")
        await asyncio.sleep(0.1)
    book.waits.set()
    await until(lambda: book.asked)
    await until(lambda: not tabs.tabs()._listeners)
    await until(lambda: book.answers[0].readers == 0)
