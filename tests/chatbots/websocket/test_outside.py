"""What reaches an open connection from outside: time, changes of the chatbot, the server's end."""

import time
from typing import Any

import pytest

from api import health
from chatbots import visitor_tokens
from chatbots.consumers import chat, session
from tests.chatbots.websocket.bots import Bot
from tests.chatbots.websocket.fake_conversing import Book
from tests.chatbots.websocket.wires import opened, session_of
from tests.inference.asgi import until


async def test_a_revoked_key_ends_within_two_seconds_with_4401(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        await bot.revoke_key()
        began = time.monotonic()
        error, code = await wire.refused()
    assert (error["code"], code) == ("invalid_key", 4401)
    assert time.monotonic() - began < 2


async def test_a_paused_chatbot_ends_within_two_seconds_with_4404(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        await bot.change(paused_at="2026-11-01T00:00Z")
        began = time.monotonic()
        error, code = await wire.refused()
    assert (error["code"], code) == ("chatbot_unavailable", 4404)
    assert time.monotonic() - began < 2


async def test_settings_that_are_published_are_told(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        await bot.publish(welcome="Good evening.")
        told = (await wire.hear("session.updated"))["session"]
        assert told["chatbot"]["welcome"] == "Good evening."
        assert told["chatbot"]["version"] == 2
        assert await wire.silent(1.5), "told once"
        wire.ask("Hello")
        await wire.hear("rate_limits.updated")
    assert book.asked[0][0].version_number == 2


async def test_a_page_that_may_not_any_more_ends_with_4403(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        await bot.publish(allowed_origins=["https://mill.example"])
        assert (await wire.refused())[1] == 4403


async def test_a_new_generation_of_tokens_renews_the_visitors(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        first = await session_of(wire)
        await bot.change(token_generation=2)
        second = (await wire.hear("session.updated"))["session"]
    assert second["visitor_token"] != first["visitor_token"]
    async with opened(bot, visitor_token=second["visitor_token"]) as wire:
        await session_of(wire)


async def test_a_change_of_the_draft_is_told_to_its_maker_alone(bot: Bot, book: Book) -> None:
    member = await bot.maker()
    token = visitor_tokens.preview(bot.organisation_id, bot.id, member.user_id)
    own = "https://chat.example"
    async with opened(bot, preview=token, origin=own) as maker, opened(bot) as visitor:
        await session_of(maker)
        await session_of(visitor)
        assert await maker.silent(1.2), "the first look only remembers"
        await bot.change(draft={"welcome": "A draft."}, draft_changed_at="2026-11-21T10:00:00Z")
        told = (await maker.hear("session.updated"))["session"]
        assert told["chatbot"]["welcome"] == "A draft."
        assert await visitor.silent(0.5)


async def test_who_tries_another_model_keeps_it_when_the_draft_changes(
    bot: Bot, book: Book
) -> None:
    member = await bot.maker()
    token = visitor_tokens.preview(bot.organisation_id, bot.id, member.user_id, "draft:tiny")
    async with opened(bot, preview=token, origin="https://chat.example") as maker:
        await session_of(maker)
        assert await maker.silent(1.2), "the first look only remembers"
        await bot.change(draft={"welcome": "A draft."}, draft_changed_at="2026-11-21T10:00:00Z")
        await maker.hear("session.updated")
        maker.ask("Hello")
        await maker.hear("rate_limits.updated")
    configuration = book.asked[0][0].configuration
    assert (configuration.welcome, configuration.model) == ("A draft.", "tiny")


async def test_who_is_no_member_any_more_tries_the_draft_no_longer(bot: Bot, book: Book) -> None:
    member = await bot.maker()
    token = visitor_tokens.preview(bot.organisation_id, bot.id, member.user_id)
    own = "https://chat.example"
    async with opened(bot, preview=token, origin=own) as maker, opened(bot) as visitor:
        await session_of(maker)
        await session_of(visitor)
        await member.adelete()
        assert (await maker.refused())[1] == 4401
        assert await visitor.silent(0.5)


async def test_a_token_is_renewed_when_half_of_its_time_is_over(
    bot: Bot, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "TOKEN_SECONDS", 1)
    async with opened(bot) as wire:
        await session_of(wire)
        told = (await wire.hear("session.updated"))["session"]
    assert set(told) == {"visitor_token", "expires_at"}


async def test_the_server_says_something_while_nothing_happens(
    bot: Bot, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "HEARTBEAT_SECONDS", 1.0)
    async with opened(bot) as wire:
        await session_of(wire)
        assert (await wire.hear())["t"] is None


async def test_a_deploy_is_told_and_ends_with_1012(
    bot: Bot, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        monkeypatch.setattr(health, "draining", True)
        told = await wire.hear("session.closing")
        assert told["reason"] == "restart"
        assert 0 < told["reconnect_after_ms"] <= 5000
        assert await wire.closed() == 1012


async def test_a_deploy_waits_for_an_answer_and_takes_no_question(
    bot: Bot, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        wire.ask("Hello")
        await wire.hear("rate_limits.updated")
        monkeypatch.setattr(health, "draining", True)
        await wire.hear("session.closing")
        wire.ask("And?", "e2")
        assert (await wire.hear("error"))["error"]["code"] == "server_overloaded"
        await book.answers[0].say("Last words")
        await book.answers[0].end()
        frames = await wire.hear_until(lambda frame: frame["type"] == "response.completed")
        assert "Last words" in str(frames)
        assert await wire.closed() == 1012
    assert len(book.asked) == 1


async def test_a_deploy_does_not_wait_longer_than_it_may(
    bot: Bot, book: Book, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.DRAIN_SECONDS = 2.3
    async with opened(bot) as wire:
        await session_of(wire)
        wire.ask("Hello")
        await wire.hear("rate_limits.updated")
        monkeypatch.setattr(health, "draining", True)
        assert await wire.closed(5) == 1012
    await until(lambda: book.answers[0].readers == 0)
    assert not book.answers[0].cancelled, "it goes on without its reader"
