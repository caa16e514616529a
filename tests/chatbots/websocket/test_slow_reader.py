"""Who reads too slowly is closed, has cost little memory, and can read the rest later."""

import asyncio

import pytest

from chatbots.consumers import outbox, pipe
from chatbots.consumers.outbox import Outbox
from chatbots.protocol.limits import QUEUED_BYTES
from tests.chatbots.websocket.bots import Bot
from tests.chatbots.websocket.fake_conversing import Book
from tests.chatbots.websocket.test_answers import asked, rest_of_answer, text_of
from tests.chatbots.websocket.wires import opened, session_of
from tests.inference.asgi import until
from tests.patience import PATIENCE


class Client:
    def __init__(self) -> None:
        self.reads = asyncio.Event()
        self.got: list[str] = []
        self.given_up = 0

    async def take(self, text: str) -> None:
        await self.reads.wait()
        self.got.append(text)

    def give_up(self) -> None:
        self.given_up += 1


async def test_no_more_waits_than_may() -> None:
    client = Client()
    box = Outbox(client.take, client.give_up)
    for _ in range(QUEUED_BYTES // 1000):
        box.put("x" * 1000)
    assert client.given_up == 0
    box.put("x" * 1000)
    assert client.given_up == 1
    box.put("after the end")
    client.reads.set()
    await asyncio.sleep(0.01)
    assert len(client.got) <= 1
    box.close()


async def test_who_has_much_to_say_waits_for_room() -> None:
    client = Client()
    box = Outbox(client.take, client.give_up)
    box.put("from elsewhere, and already on its way")

    async def talk() -> None:
        for _ in range(1000):
            await box.send("x" * 1000)

    talking = asyncio.create_task(talk())
    await asyncio.sleep(0.05)
    assert not talking.done()
    client.reads.set()
    await talking
    await box.emptied()
    assert len(client.got) == 1001
    assert client.given_up == 0


async def test_one_large_frame_may_always_leave() -> None:
    client = Client()
    box = Outbox(client.take, client.give_up)
    client.reads.set()
    box.put("x" * 2 * QUEUED_BYTES)
    await box.emptied()
    assert client.got


async def test_a_frame_that_nobody_takes_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "STALL_SECONDS", 0.05)
    client = Client()
    box = Outbox(client.take, client.give_up)
    box.put("Hello")
    await until(lambda: client.given_up)
    await box.send("nothing that waits")
    await box.emptied()


async def test_what_waits_leaves_though_the_task_that_wrote_is_called_away() -> None:
    client = Client()
    box = Outbox(client.take, client.give_up)
    talking = asyncio.create_task(box.send("an answer"))
    await asyncio.sleep(0)
    box.put("the next one")
    talking.cancel()
    await asyncio.wait([talking])
    client.reads.set()
    await box.emptied()
    assert client.got == ["an answer", "the next one"]


async def test_a_client_that_stops_reading_is_closed_and_resumes(
    bot: Bot, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "STALL_SECONDS", 0.3)
    monkeypatch.setattr(pipe, "FLUSH_SECONDS", 0.1)
    async with opened(bot) as wire:
        kept = {"visitor_token": (await session_of(wire))["visitor_token"]}
        wire.ask("Hello")
        await wire.hear("rate_limits.updated")
        answer = book.answers[0]
        await answer.say("One ")
        seen = (await wire.hear("response.output_text.delta"))["sequence_number"]
        wire.reads.clear()
        await answer.say("two ")
        async with asyncio.timeout(PATIENCE):
            await wire.task  # the server has let go
    await until(lambda: answer.readers == 0)
    await answer.say("three")
    await answer.end()
    resume = {"response_id": answer.response_id, "starting_after": seen}
    async with opened(bot, resume=resume, **kept) as wire:
        await session_of(wire)
        assert text_of(await rest_of_answer(wire)) == "two three"


async def test_a_long_answer_does_not_wait_in_memory_for_a_slow_reader(
    bot: Bot, book: Book
) -> None:
    async with opened(bot) as wire:
        answer = await asked(wire, book)
        wire.reads.clear()
        for _ in range(2000):
            await answer.say("x" * 1000)
            if not _ % 100:
                await asyncio.sleep(0.03)
        wire.reads.set()
        await answer.end()
        assert text_of(await rest_of_answer(wire)) == answer.text
