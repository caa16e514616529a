"""A turn: a message in, events out, the text in Postgres before the end is seen, billed once."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from api import ids
from api.errors import ChatbotUnavailable, InvalidRequest, NotFound, ResponseInProgress
from billing.models import Hold
from chatbots import conversing, finding
from chatbots.conversing import Speaker, Turn
from chatbots.finding import Live
from chatbots.models import Conversation, Message
from config import draining
from inference.event_log import Event, event_log, key_of
from inference.responses.narration import kind_of
from tests.chatbots.conftest import Publish, published, visitor
from tests.inference.conftest import Fund, holds

SLOW = "#pace=40 one two three four five six seven eight nine ten"


async def told(turn: Turn, after: int = -1) -> list[Event]:
    return [event async for events in turn.events(after) for event in events]


def spoken(events: list[Event]) -> str:
    bodies = [json.loads(event.data) for event in events]
    return "".join(one["delta"] for one in bodies if one["type"] == "response.output_text.delta")


async def test_an_answer_is_told_in_openais_events_and_stands_in_postgres_at_its_end(
    support: Live,
) -> None:
    turn = await conversing.begin(support, visitor(support), input="good morning to you")
    events: list[Event] = []
    seen_first = None
    async for batch in turn.events():
        events += batch
        if kind_of(batch[-1]) == "response.completed":
            seen_first = await Message.objects.aget(pk=turn.message_id)
    kinds = [kind_of(event) for event in events]
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"
    assert [event.number for event in events] == list(range(len(events)))
    assert seen_first is not None
    assert (seen_first.status, seen_first.text) == ("completed", spoken(events))
    assert seen_first.events == len(events)


async def test_the_prompt_of_the_chatbot_is_no_visitors_business(publish: Publish) -> None:
    live = await publish(system_prompt="The secret word is xylophone.")
    turn = await conversing.begin(live, visitor(live), input="hello")
    events = await told(turn)
    assert "xylophone" not in "".join(event.data for event in events)
    assert "cost" not in (await turn.finished())["usage"]


async def test_a_turn_is_charged_to_its_chatbot(support: Live) -> None:
    turn = await conversing.begin(support, visitor(support), input="good morning")
    await turn.finished()
    (hold,) = await holds()
    message = await Message.objects.aget(pk=turn.message_id)
    assert (hold.chatbot_id, hold.charged) == (support.chatbot_id, message.cost_nano)
    chat = await Conversation.objects.aget()
    assert chat.cost_nano == hold.charged
    assert chat.messages_count == 2


async def test_what_was_said_before_is_part_of_the_next_prompt(support: Live) -> None:
    guest = visitor(support)
    first = await conversing.begin(support, guest, input="one two three")
    await first.finished()
    second = await conversing.begin(
        support, guest, input="four", conversation_id=first.conversation_id
    )
    await second.finished()
    answers = [one async for one in Message.objects.filter(role="assistant").order_by("place")]
    said = len(["one", "two", "three"]) + len(answers[0].text.split())
    assert answers[1].prompt_tokens == len(["Be", "kind.", "four"]) + said


async def test_the_same_event_is_one_message_one_answer_and_one_charge(support: Live) -> None:
    guest = visitor(support)

    async def send() -> Turn:
        return await conversing.begin(support, guest, input=SLOW, event_id="evt-1")

    turns = await asyncio.gather(*(send() for _ in range(5)))
    later = await send()
    finished = [await turn.finished() for turn in (*turns, later)]
    assert {turn.response_id for turn in (*turns, later)} == {later.response_id}
    assert all(one == finished[0] for one in finished)
    assert await Message.objects.acount() == 2
    assert len(await holds()) == 1
    assert (await told(later))[-1].number == (await told(turns[0]))[-1].number


def test_the_same_event_in_two_processes_is_one_answer_too(
    transactional_db: None, fund: Fund
) -> None:
    organisation_id = fund().organisation_id
    published(organisation_id)

    async def send() -> dict[str, Any]:
        """With a pool, an engine and a log of its own, as a process has."""
        try:
            live = await finding.by_name(organisation_id, "support")
            guest = Speaker(organisation_id, live.key_id, visitor_id="vis_1")
            turn = await conversing.begin(live, guest, input=SLOW, event_id="evt-1")
            return await turn.finished()
        finally:
            await draining.close_parts()

    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda _: asyncio.run(send()), range(2))
    assert one == other
    assert (Message.objects.count(), Hold.objects.count()) == (2, 1)


async def test_a_conversation_has_one_answer_at_a_time(support: Live) -> None:
    guest = visitor(support)
    turn = await conversing.begin(support, guest, input=SLOW)
    with pytest.raises(ResponseInProgress):
        await conversing.begin(support, guest, input="me too", conversation_id=turn.conversation_id)
    assert await conversing.active(support, guest, turn.conversation_id) == turn.response_id
    await turn.cancel()
    assert await conversing.active(support, guest, turn.conversation_id) is None
    await conversing.begin(support, guest, input="now?", conversation_id=turn.conversation_id)


async def test_an_answer_goes_on_when_its_reader_leaves_and_is_resumed_where_it_was(
    support: Live,
) -> None:
    guest = visitor(support)
    turn = await conversing.begin(support, guest, input=SLOW)
    before: list[Event] = []
    async for batch in turn.events():
        before += batch
        if spoken(before):
            break
    found = await conversing.find(support, guest, turn.response_id)
    assert found is not None
    after = await told(found, before[-1].number)
    whole = [event.number for event in (*before, *after)]
    assert whole == list(range(len(whole)))
    assert spoken([*before, *after]) == (await Message.objects.aget(pk=turn.message_id)).text


async def test_a_cancelled_answer_keeps_and_charges_what_was_said(support: Live) -> None:
    turn = await conversing.begin(support, visitor(support), input=SLOW)
    async for batch in turn.events():
        if kind_of(batch[-1]) == "response.output_text.delta":
            break
    await turn.cancel()
    message = await Message.objects.aget(pk=turn.message_id)
    (hold,) = await holds()
    assert (message.status, message.finish_reason) == ("incomplete", "cancelled")
    assert 0 < hold.charged == message.cost_nano < hold.amount
    assert message.text


async def test_an_answer_that_fails_on_the_way_says_so(support: Live) -> None:
    turn = await conversing.begin(support, visitor(support), input="#fail=2 a b c d e f")
    events = await told(turn)
    assert [kind_of(event) for event in events[-2:]] == ["error", "response.failed"]
    message = await Message.objects.aget(pk=turn.message_id)
    assert (message.status, message.finish_reason) == ("failed", "error")
    assert message.events == len(events)


async def test_of_a_message_that_the_engine_refuses_nothing_is_kept(support: Live) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await conversing.begin(support, visitor(support), input="#reject=messages hello")
    assert refused.value.param == "input"
    assert not await Conversation.objects.aexists()
    assert await holds() == []


async def test_an_answer_that_never_began_is_free(support: Live) -> None:
    turn = await conversing.begin(support, visitor(support), input="#overload hello")
    assert (await turn.finished())["status"] == "failed"
    assert [hold.charged for hold in await holds()] == [0]


async def test_when_the_log_has_forgotten_there_is_a_snapshot(support: Live) -> None:
    turn = await conversing.begin(support, visitor(support), input=SLOW)
    events = await told(turn)
    await event_log().forget(key_of(support.organisation_id, turn.response_id))
    with pytest.raises(Exception, match=turn.response_id):
        await told(turn)
    response, number = await turn.snapshot()
    assert response["output"][0]["content"][0]["text"] == spoken(events)
    assert number == events[-1].number


async def test_a_snapshot_of_a_running_answer_says_how_far_it_is(support: Live) -> None:
    turn = await conversing.begin(support, visitor(support), input=SLOW)
    read: list[Event] = []
    async for batch in turn.events():
        read += batch
        if len(spoken(read).split()) == 3:
            response, number = await turn.snapshot()
            break
    text = response["output"][0]["content"][0]["text"]
    rest = await told(turn, number)
    assert text.startswith(spoken(read))
    assert text + spoken(rest) == (await Message.objects.aget(pk=turn.message_id)).text
    assert response["status"] == "in_progress"


async def test_strangers_find_nothing(support: Live) -> None:
    turn = await conversing.begin(support, visitor(support), input="hello")
    await turn.finished()
    other = visitor(support)
    assert await conversing.find(support, other, turn.response_id) is None
    with pytest.raises(NotFound, match="no conversation"):
        await conversing.items(support, other, turn.conversation_id)
    with pytest.raises(NotFound, match="no conversation"):
        await conversing.begin(support, other, input="hello", conversation_id=turn.conversation_id)
    with pytest.raises(NotFound):
        await conversing.feedback(support, other, turn.message_id, "up")


@pytest.mark.parametrize(
    ("text", "code"), [("", None), (" \n", None), ("x" * 64_001, "input_too_long")]
)
async def test_what_cannot_be_asked_is_refused(support: Live, text: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await conversing.begin(support, visitor(support), input=text)
    assert (refused.value.param, refused.value.error_code) == ("input", code)


async def test_a_message_longer_than_the_models_context_is_refused(support: Live) -> None:
    with pytest.raises(InvalidRequest) as refused:
        await conversing.begin(support, visitor(support), input="a " * 9_000)
    assert refused.value.error_code == "input_too_long"
    assert not await Conversation.objects.aexists()


async def test_a_private_chatbot_takes_nothing_from_visitors(publish: Publish) -> None:
    live = await publish(access="private")
    with pytest.raises(ChatbotUnavailable):
        await conversing.begin(live, visitor(live), input="hello")
    owner = Speaker(live.organisation_id, live.key_id, preview=True)
    assert (await (await conversing.begin(live, owner, input="hello")).finished())["output"]


async def test_items_come_as_openais_and_take_feedback(support: Live) -> None:
    guest = visitor(support)
    turn = await conversing.begin(support, guest, input="good morning")
    await turn.finished()
    await conversing.feedback(support, guest, turn.message_id, "down", "too kind")
    asked, answered = await conversing.items(support, guest, turn.conversation_id)
    assert (asked["role"], asked["content"][0]["text"]) == ("user", "good morning")
    assert (answered["id"], answered["feedback"]) == (turn.message_id, "down")
    older = await conversing.items(support, guest, turn.conversation_id, before=answered["id"])
    assert [one["id"] for one in older] == [asked["id"]]
    with pytest.raises(InvalidRequest):
        await conversing.feedback(support, guest, turn.message_id, "sideways")


async def test_an_answer_that_nobody_reads_ends_where_the_chatbot_wants_that(
    publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatbots.conversing.answering.ALONE_SECONDS", 0.2)
    monkeypatch.setattr("chatbots.conversing.answering.LOOK_SECONDS", 0.05)
    live = await publish(stop_when_alone=True)
    turn = await conversing.begin(live, visitor(live), input=SLOW.replace("40", "300"))
    finished: dict[str, Any] = await turn.finished()
    assert finished["status"] == "cancelled"
    heard = await conversing.begin(live, visitor(live), input=SLOW)
    await told(heard)
    assert (await heard.finished())["status"] == "completed"


async def test_a_made_up_response_is_found_by_nobody(support: Live) -> None:
    for strange in ("resp_" + "0" * 32, "\0", "x" * 10_000, ids.new("resp")):
        assert await conversing.find(support, visitor(support), strange) is None
