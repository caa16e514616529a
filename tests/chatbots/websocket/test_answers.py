"""Questions and answers on one connection: streamed, stopped, resumed, told once."""

import asyncio

import pytest

from api.errors import RateLimited
from chatbots.consumers import describing, following
from tests.chatbots.websocket.bots import Bot
from tests.chatbots.websocket.fake_conversing import Answer, Book
from tests.chatbots.websocket.frames import Frame
from tests.chatbots.websocket.wires import Wire, opened, session_of
from tests.inference.asgi import until

ENDS = {"response.completed", "response.incomplete", "response.failed"}


async def rest_of_answer(wire: Wire) -> list[Frame]:
    frames = await wire.hear_until(lambda frame: frame["type"] in ENDS)
    return [frame for frame in frames if frame["type"].startswith("response.")]


def text_of(frames: list[Frame]) -> str:
    return "".join(frame.get("delta", "") for frame in frames)


async def asked(wire: Wire, book: Book, words: str = "Hello", event_id: str = "e1") -> Answer:
    """A question; its answer, which has begun."""
    await session_of(wire)
    wire.ask(words, event_id)
    await wire.hear("rate_limits.updated")
    return book.answers[-1]


async def test_an_answer_is_streamed_to_its_end(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        wire.ask("When do you open?")
        conversation = (await wire.hear("session.updated"))["session"]["conversation"]
        await until(lambda: book.answers)
        (answer,) = book.answers
        assert conversation == {"id": answer.conversation_id}
        for word in ("At ", "seven", "."):
            await answer.say(word)
        await answer.end()
        frames = await rest_of_answer(wire)
    assert text_of(frames) == "At seven."
    numbers = [frame["sequence_number"] for frame in frames]
    assert numbers[0] == 0
    assert numbers == sorted(set(numbers))
    assert frames[-1]["response"]["usage"] == {"total_tokens": 3}


async def test_a_program_asks_with_its_own_key(bot: Bot, book: Book) -> None:
    async with opened(bot, key=bot.secret_key, origin=None) as wire:
        answer = await asked(wire, book)
        await answer.end()
        await rest_of_answer(wire)
    caller = book.asked[0][1].caller
    assert caller is not None
    assert caller.organisation_id == bot.organisation_id


async def test_a_question_that_is_too_long_is_refused(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        most = (await session_of(wire))["limits"]["input_characters"]
        wire.ask("ä" * (most + 1))
        assert (await wire.hear("error"))["error"]["code"] == "input_too_long"
        wire.ask("\U0001f950" * most)
        await wire.hear("rate_limits.updated")


async def test_text_that_comes_quickly_leaves_in_few_frames(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        answer = await asked(wire, book)
        for place in range(200):
            await answer.say(f"w{place} ")
            await asyncio.sleep(0.0005)
        await answer.end()
        frames = await rest_of_answer(wire)
    assert text_of(frames) == answer.text
    assert len(frames) < 30


async def test_the_same_question_twice_is_asked_once(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        answer = await asked(wire, book)
        wire.ask("Hello", conversation=answer.conversation_id)
        await wire.hear("rate_limits.updated")
        await answer.say("Yes.")
        await answer.end()
        await rest_of_answer(wire)
    assert len(book.asked) == 1


async def test_an_answer_is_stopped(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        answer = await asked(wire, book)
        wire.send({"type": "response.cancel", "response_id": answer.response_id})
        assert (await rest_of_answer(wire))[-1]["type"] == "response.incomplete"
    assert answer.cancelled == 1


async def test_who_leaves_ends_nothing_and_reads_on_later(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        session = await session_of(wire)
        wire.ask("Hello")
        await wire.hear("rate_limits.updated")
        answer = book.answers[0]
        await answer.say("One ")
        seen = (await wire.hear("response.output_text.delta"))["sequence_number"]
    await until(lambda: answer.readers == 0)
    assert not answer.cancelled
    await answer.say("two ")
    resume = {"response_id": answer.response_id, "starting_after": seen}
    mine = {"visitor_token": session["visitor_token"], "conversation": answer.conversation_id}
    async with opened(bot, resume=resume, **mine) as wire:
        told = await session_of(wire)
        assert told["active_response"] == answer.response_id
        assert [item["content"] for item in told["conversation"]["items"]] == ["Hello"]
        await answer.say("three")
        await answer.end()
        assert text_of(await rest_of_answer(wire)) == "two three"


async def test_an_answer_that_is_being_written_is_heard_without_asking(
    bot: Bot, book: Book
) -> None:
    async with opened(bot) as wire:
        session = await session_of(wire)
        wire.ask("Hello")
        await wire.hear("rate_limits.updated")
    answer = book.answers[0]
    await answer.say("All of it")
    mine = {"visitor_token": session["visitor_token"], "conversation": answer.conversation_id}
    async with opened(bot, **mine) as wire:
        await session_of(wire)
        await answer.end()
        assert text_of(await rest_of_answer(wire)) == "All of it"


async def test_what_the_log_has_forgotten_comes_as_a_snapshot(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        answer = await asked(wire, book)
        await answer.say("All of it")
        await answer.end()
        await rest_of_answer(wire)
        await answer.forget()
        wire.send({"type": "response.resume", "response_id": answer.response_id})
        snapshot = await wire.hear()
        assert snapshot["type"] == "response.snapshot"
        assert snapshot["sequence_number"] == 2
        assert snapshot["response"]["output"][0]["content"][0]["text"] == "All of it"
        assert await wire.silent()


async def test_a_snapshot_of_an_answer_in_progress_is_followed_by_its_end(
    bot: Bot, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "AGAIN_SECONDS", 0.05)
    async with opened(bot) as wire:
        answer = await asked(wire, book)
        await answer.say("Half ")
        await answer.forget()
        first = await wire.hear("response.snapshot")
        assert first["response"]["status"] == "in_progress"
        answer.text, answer.status = "Half and half", "completed"
        second = await wire.hear("response.snapshot")
    assert second["response"]["output"][0]["content"][0]["text"] == "Half and half"


async def test_what_is_not_this_visitors_is_not_found(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        answer = await asked(wire, book)
    async with opened(bot, conversation=answer.conversation_id) as other:
        assert (await session_of(other))["conversation"]["id"] is None
        frame = {"type": "response.resume", "event_id": "r1", "response_id": answer.response_id}
        other.send(frame)
        error = await other.hear("error")
        assert error["error"]["code"] == "conversation_not_found"
        assert error["event_id"] == "r1"
        other.send({**frame, "response_id": "resp_none"})
        assert (await other.hear("error"))["error"]["code"] == "response_not_found"
        other.ask("Me, too", conversation=answer.conversation_id)
        assert (await other.hear("error"))["error"]["code"] == "conversation_not_found"


async def test_a_refused_question_says_which_and_ends_nothing(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        book.refusal = RateLimited("Slowly.", code="rate_limited", retry_after=7)
        wire.ask("Hello", "e7")
        error = await wire.hear("error")
        assert (error["status"], error["event_id"]) == (429, "e7")
        assert error["error"]["retry_after"] == 7
        book.refusal = None
        wire.ask("Hello", "e8")
        await wire.hear("rate_limits.updated")


async def test_what_goes_wrong_inside_is_told_and_ends_nothing(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        book.holders["chat_1"] = "x"
        book.refusal = KeyError("a fault")  # type: ignore[assignment]  # what no verb should raise
        wire.ask("Hello")
        error = await wire.hear("error")
        assert error["error"]["code"] == "server_overloaded"
        assert "a fault" not in str(error)
        wire.send({"type": "ping", "t": 5})
        assert (await wire.hear("pong"))["t"] == 5


async def test_conversations_begin_and_are_read_back(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        wire.send({"type": "conversation.create"})
        told = (await wire.hear("session.updated"))["session"]["conversation"]
        assert told["items"] == []
        for place in range(5):
            wire.ask(f"Question {place}", f"e{place}")
            await wire.hear("rate_limits.updated")
        wire.send({"type": "conversation.items.list", "limit": 2})
        page = await wire.hear("conversation.items.listed")
        assert [item["content"] for item in page["items"]] == ["Question 3", "Question 4"]
        assert page["has_more"]
        before = page["items"][0]["id"]
        wire.send({"type": "conversation.items.list", "limit": 10, "before": before})
        page = await wire.hear("conversation.items.listed")
    assert [item["content"] for item in page["items"]] == [f"Question {n}" for n in range(3)]
    assert not page["has_more"]


async def test_a_frame_holds_no_more_items_than_it_may(
    bot: Bot, book: Book, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(describing, "MOST_BYTES", 1000)
    async with opened(bot) as wire:
        token = (await session_of(wire))["visitor_token"]
        for place in range(4):
            wire.ask("x" * 400, f"e{place}")
            await wire.hear("rate_limits.updated")
        wire.send({"type": "conversation.items.list", "limit": 10})
        page = await wire.hear("conversation.items.listed")
    async with opened(bot, visitor_token=token) as wire:
        first = (await session_of(wire))["conversation"]
    for told in (page, first):
        assert len(told["items"]) == 1 or len(told["items"]) == 2
        assert told["has_more"]


async def test_feedback_is_kept(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        await session_of(wire)
        wire.send({"type": "feedback.create", "item_id": "msg_1", "rating": "up", "comment": "!"})
        told = await wire.hear("feedback.created")
    assert (told["item_id"], told["rating"]) == ("msg_1", "up")
    assert book.rated == [("msg_1", "up", "!")]


async def test_a_visitor_goes_on_in_the_last_conversation(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        token = (await session_of(wire))["visitor_token"]
        wire.ask("Hello")
        await wire.hear("rate_limits.updated")
    async with opened(bot, visitor_token=token) as wire:
        conversation = (await session_of(wire))["conversation"]
    assert conversation["id"] == book.answers[0].conversation_id
    assert len(conversation["items"]) == 1


async def test_a_session_that_begins_again_is_another_visitors(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        first = await session_of(wire)
        wire.send({"type": "session.update", "session": {"key": bot.key}})
        second = await session_of(wire)
    assert first["id"] != second["id"]
