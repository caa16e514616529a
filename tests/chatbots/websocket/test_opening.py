"""How a session begins, and every way in which it may not."""

from typing import Any

import jwt
import pytest
from asgiref.sync import sync_to_async

from api import health
from chatbots import making, naming, visitor_tokens
from chatbots.author import SYSTEM
from chatbots.configuration import Configuration
from chatbots.consumers import chat
from tests.chatbots.websocket.bots import ORIGIN, Bot
from tests.chatbots.websocket.fake_conversing import Book
from tests.chatbots.websocket.wires import connected, opened, session_of

pytestmark = pytest.mark.usefixtures("book")


async def test_a_session_is_told_all_that_a_widget_shows(bot: Bot) -> None:
    await bot.publish(
        welcome="Hello! I am {{chatbot.title}}.", suggested_prompts=["When do you open?"]
    )
    async with opened(bot) as wire:
        assert wire.subprotocol == "chat.v1"
        session = await session_of(wire)
    assert session["chatbot"]["name"] == "Support"
    assert session["chatbot"]["version"] == 2
    assert session["chatbot"]["welcome"] == "Hello! I am Support."
    assert session["chatbot"]["suggested_prompts"] == ["When do you open?"]
    assert session["conversation"] == {"id": None, "items": [], "has_more": False}
    assert session["limits"]["rate_limits"][0]["remaining"] == 19
    assert session["active_response"] is None


async def test_the_prompt_is_not_told(bot: Bot) -> None:
    await bot.publish(system_prompt="Never mention the cake.")
    async with opened(bot) as wire:
        assert "cake" not in str(await session_of(wire))


async def test_a_visitor_comes_back_by_the_token(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        token = (await session_of(wire))["visitor_token"]
        wire.ask("Hello")
        await wire.hear("rate_limits.updated")
    async with opened(bot, visitor_token=token) as wire:
        await session_of(wire)
        wire.ask("Again", "e2")
        await wire.hear("rate_limits.updated")
    first, second = (speaker.visitor_id for _, speaker, _ in book.asked)
    assert first == second


async def test_a_token_that_is_of_no_use_makes_a_new_visitor(bot: Bot) -> None:
    async with opened(bot, visitor_token="old") as wire:
        assert (await session_of(wire))["visitor_token"]


async def test_a_key_that_is_wrong_ends_with_4401(bot: Bot) -> None:
    for key in ("pk-none", "", "x" * 256):
        async with opened(bot, key=key or " ") as wire:
            error, code = await wire.refused()
            assert (error["code"], code) == ("invalid_key", 4401)


async def test_a_name_of_another_chatbot_ends_with_4404(bot: Bot) -> None:
    async with connected(name="sales") as wire:
        wire.send({"type": "session.update", "session": {"key": bot.key}})
        error, code = await wire.refused()
    assert (error["code"], code) == ("chatbot_unavailable", 4404)


async def test_a_paused_chatbot_ends_with_4404(bot: Bot) -> None:
    await bot.change(paused_at="2026-11-01T00:00Z")
    async with opened(bot) as wire:
        error, code = await wire.refused()
    assert (error["code"], code) == ("chatbot_unavailable", 4404)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
async def test_an_origin_that_is_not_allowed_ends_with_4403(
    bot: Bot, book: Book, origin: str | None
) -> None:
    async with opened(bot, origin=origin, client="widget/1.0") as wire:
        error, code = await wire.refused()
    assert (error["code"], code) == ("origin_not_allowed", 4403)
    assert book.sites == ([(origin, "widget/1.0", True)] if origin else [])


async def test_the_servers_own_page_is_allowed(bot: Bot, book: Book) -> None:
    async with opened(bot, origin="https://chat.example") as wire:
        await session_of(wire)
    assert book.sites == [("https://chat.example", "", False)]


async def test_a_path_where_nobody_answers_ends_with_4404(bot: Bot) -> None:
    for path in ("/ws/", "/ws/chatbots/", "/ws/chatbots/a/b/", "/ws/other/support/"):
        async with connected(path=path) as wire:
            error, code = await wire.refused()
        assert (error["code"], code) == ("chatbot_unavailable", 4404)


async def test_without_the_subprotocol_it_ends_with_4400(bot: Bot) -> None:
    async with connected(subprotocols=("chat.v0",)) as wire:
        assert wire.subprotocol is None
        assert (await wire.refused())[1] == 4400


@pytest.mark.parametrize(
    "first",
    [
        "no JSON", "[]", "1", '{"type": "ping"}', '{"type": "response.create"}', "x" * 70_000,
        '{"type": "session.update"}', '{"type": "session.update", "session": {"key": 5}}',
    ],
)  # fmt: skip
async def test_a_first_frame_that_is_no_session_ends_with_4400(bot: Bot, first: str) -> None:
    async with connected() as wire:
        wire.send(first)
        error, code = await wire.refused()
    assert (error["code"], code) == ("invalid_frame", 4400)


async def test_bytes_end_with_4400(bot: Bot) -> None:
    async with connected() as wire:
        wire.send_bytes(b"{}")
        assert (await wire.refused())[1] == 4400


async def test_silence_ends_with_4408(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "SESSION_SECONDS", 0.05)
    async with connected() as wire:
        assert await wire.closed() == 4408


async def test_a_session_does_not_end_when_the_time_for_beginning_is_over(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chat, "SESSION_SECONDS", 0.2)
    async with opened(bot) as wire:
        await session_of(wire)
        assert await wire.silent(0.4)


@pytest.mark.parametrize("kind", ["address", "visitor", "chatbot"])
async def test_too_many_connections_end_with_4429(bot: Bot, settings: Any, kind: str) -> None:
    settings.CHAT_SOCKETS = {"address": 9, "visitor": 9, "chatbot": 9, kind: 1}
    async with opened(bot) as first:
        token = (await session_of(first))["visitor_token"]
        async with opened(bot, visitor_token=token) as second:
            error, code = await second.refused()
        assert (error["code"], code) == ("rate_limited", 4429)
        assert error["retry_after"] > 0
        assert kind in error["message"]
    async with opened(bot, visitor_token=token) as third:
        await session_of(third)  # there is room again


async def test_a_server_that_stops_takes_nobody(bot: Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "draining", True)
    async with connected() as wire:
        error, code = await wire.refused()
    assert (error["code"], code) == ("server_overloaded", 1013)


def person(bot: Bot, **claims: Any) -> str:
    usual = {"aud": bot.id, "sub": "ada", "exp": 4_000_000_000, "name": "Ada"}
    return jwt.encode({**usual, **claims}, "the secret of the bakery's own server", "HS256")


async def test_a_signed_person_is_known_by_name(bot: Bot, book: Book) -> None:
    await bot.publish(access="signed")
    async with opened(bot, user_token=person(bot)) as wire:
        await session_of(wire)
        wire.ask("Hello")
        await wire.hear("rate_limits.updated")
    _, speaker, _ = book.asked[0]
    assert speaker.claims == {"sub": "ada", "name": "Ada"}


async def test_a_chatbot_for_signed_people_ends_for_others_with_4401(bot: Bot) -> None:
    await bot.publish(access="signed")
    for session in ({}, {"user_token": person(bot, aud="bot_2")}):
        async with opened(bot, **session) as wire:
            error, code = await wire.refused()
        assert (error["code"], error["param"], code) == (
            "invalid_key", "session.user_token", 4401,
        )  # fmt: skip


async def test_a_private_chatbot_ends_for_visitors_with_4401(bot: Bot) -> None:
    await bot.publish(access="private")
    async with opened(bot) as wire:
        assert (await wire.refused())[1] == 4401
    async with opened(bot, key=bot.secret_key, origin=None) as wire:
        assert (await session_of(wire))["visitor_token"] is None


async def test_a_page_may_not_hold_a_secret_key(bot: Bot) -> None:
    async with opened(bot, key=bot.secret_key) as wire:
        error, code = await wire.refused()
    assert (error["code"], code) == ("invalid_key", 4401)


async def test_the_dashboard_tries_the_draft(bot: Bot, book: Book) -> None:
    maker = await bot.maker()
    token = visitor_tokens.preview(bot.organisation_id, bot.id, maker.user_id)
    async with opened(bot, preview=token, origin="https://chat.example") as wire:
        assert (await session_of(wire))["chatbot"]["version"] is None
        wire.ask("Hello")
        await wire.hear("rate_limits.updated")
    live, speaker, _ = book.asked[0]
    assert live.draft
    assert speaker.preview
    async with opened(bot, preview=token, origin=ORIGIN) as wire:
        assert (await wire.refused())[1] == 4403
    async with opened(bot, preview="forged", origin="https://chat.example") as wire:
        assert (await wire.refused())[1] == 4401


async def test_a_maker_tries_what_visitors_meet_and_the_draft_with_another_model(
    bot: Bot, book: Book
) -> None:
    maker, speakers = await bot.maker(), []
    await bot.change(draft=Configuration(model="other", welcome="A draft.").stored())
    for of in ("live", "draft:tiny"):
        token = visitor_tokens.preview(bot.organisation_id, bot.id, maker.user_id, of, f"on {of}")
        async with opened(bot, preview=token, origin="https://chat.example") as wire:
            await session_of(wire)
            wire.ask("Hello")
            await wire.hear("rate_limits.updated")
            speakers.append(book.asked[-1][1])
    (live, *_), (draft, *_) = book.asked
    assert (live.version_number, live.configuration.model) == (1, "scripted")
    assert (draft.version_number, draft.configuration.model) == (None, "tiny")
    assert draft.configuration.welcome == "A draft."
    assert all(speaker.preview for speaker in speakers)
    assert len({speaker.visitor_id for speaker in speakers}) == 2


async def test_nobody_tries_a_draft_who_may_not_change_it_any_more(bot: Bot) -> None:
    maker = await bot.maker("analyst")
    token = visitor_tokens.preview(bot.organisation_id, bot.id, maker.user_id)
    async with opened(bot, preview=token, origin="https://chat.example") as wire:
        assert (await wire.refused())[1] == 4401


async def test_a_page_that_says_a_former_name_goes_on(bot: Bot) -> None:
    row = await sync_to_async(making.find)(bot.organisation_id, "support")
    await sync_to_async(naming.rename)(row, SYSTEM, "help-desk")
    async with opened(bot) as wire:  # under its old name
        assert (await session_of(wire))["chatbot"]["slug"] == "help-desk"
