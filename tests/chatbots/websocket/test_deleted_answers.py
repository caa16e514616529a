"""An answer that is gone while it is read: its readers are told its end, once."""

from tests.chatbots.websocket.bots import Bot
from tests.chatbots.websocket.fake_conversing import Book
from tests.chatbots.websocket.test_answers import asked
from tests.chatbots.websocket.wires import opened


async def test_its_end_is_a_snapshot_that_says_so(bot: Bot, book: Book) -> None:
    async with opened(bot) as wire:
        answer = await asked(wire, book)
        await answer.say("Half an ")
        await wire.hear("response.output_text.delta")
        answer.deleted = True
        await answer.forget()
        response = (await wire.hear("response.snapshot"))["response"]
        assert (response["id"], response["status"]) == (answer.response_id, "failed")
        assert response["error"]["code"] == "response_not_found"
        assert await wire.silent()
