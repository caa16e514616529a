"""Frames of a session that are wrong, no frames at all, or too many."""

import pytest

from tests.chatbots.websocket.bots import Bot
from tests.chatbots.websocket.fake_conversing import Book
from tests.chatbots.websocket.wires import opened, session_of


async def test_wrong_frames_are_told_and_end_nothing(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        for frame, param in (
            ({"type": "response.rewind"}, "type"),
            ({"type": "response.create", "input": "Hello"}, "event_id"),
            ({"type": "response.create", "event_id": "1", "input": "a", "model": "b"}, "model"),
            ({"type": "feedback.create", "item_id": "m", "rating": "x"}, "rating"),
        ):
            wire.send(frame)
            error = await wire.hear("error")
            assert (error["error"]["code"], error["error"]["param"]) == ("invalid_frame", param)


@pytest.mark.parametrize("garbage", ["{", "x" * 70_000, '{"a": NaN}', "\x00"])
async def test_garbage_ends_with_4400(bot: Bot, book: Book, garbage: str) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        wire.send(garbage)
        assert (await wire.refused())[1] == 4400


async def test_a_flood_of_frames_is_refused(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        for place in range(100):
            wire.send({"type": "ping", "t": place})
        frames = [await wire.hear() for _ in range(100)]
    pongs = [frame for frame in frames if frame["type"] == "pong"]
    errors = [frame for frame in frames if frame["type"] == "error"]
    assert 35 <= len(pongs) <= 60
    assert {error["error"]["code"] for error in errors} == {"rate_limited"}
