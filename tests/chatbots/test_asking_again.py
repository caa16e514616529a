"""A question that is asked once more after its answer broke: whoever reads later finds it once."""

from chatbots import conversing
from chatbots.conversing import Speaker, Turn
from chatbots.finding import Live
from chatbots.models import Conversation
from tests.chatbots.conftest import visitor

BROKEN = "#fail=2 a b c d e f"


async def said(live: Live, guest: Speaker, turn: Turn) -> list[tuple[str, str]]:
    items = await conversing.items(live, guest, turn.conversation_id)
    return [(one["role"], one["content"][0]["text"]) for one in items]


async def begun(
    live: Live, guest: Speaker, text: str, before: Turn | None = None, replaces: str | None = None
) -> Turn:
    conversation_id = before.conversation_id if before else None
    turn = await conversing.begin(
        live, guest, input=text, conversation_id=conversation_id, replaces=replaces
    )
    await turn.finished()
    return turn


async def test_a_broken_answer_and_its_question_make_room_for_the_next(support: Live) -> None:
    guest = visitor(support)
    first = await begun(support, guest, "good morning")
    broken = await begun(support, guest, BROKEN, first)
    chat = await Conversation.objects.aget()
    charged = chat.cost_nano
    await begun(support, guest, "a b c", first, replaces=broken.response_id)
    assert await said(support, guest, first) == [
        ("user", "good morning"), ("assistant", "good morning"),
        ("user", "a b c"), ("assistant", "a b c"),
    ]  # fmt: skip
    await chat.arefresh_from_db()
    assert chat.messages_count == 4
    assert chat.cost_nano > charged, "what was charged stays charged"
    assert await conversing.find(support, guest, broken.response_id) is None


async def test_a_stopped_answer_makes_room_too(support: Live) -> None:
    guest = visitor(support)
    stopped = await conversing.begin(support, guest, input="#pace=40 one two three four five")
    await stopped.cancel()
    await begun(support, guest, "one", stopped, replaces=stopped.response_id)
    assert await said(support, guest, stopped) == [("user", "one"), ("assistant", "one")]


async def test_a_complete_answer_stays(support: Live) -> None:
    guest = visitor(support)
    first = await begun(support, guest, "good morning")
    await begun(support, guest, "and again", first, replaces=first.response_id)
    assert len(await said(support, guest, first)) == 4


async def test_an_answer_that_is_not_the_last_stays(support: Live) -> None:
    guest = visitor(support)
    broken = await begun(support, guest, BROKEN)
    await begun(support, guest, "good morning", broken)
    await begun(support, guest, "and again", broken, replaces=broken.response_id)
    assert len(await said(support, guest, broken)) == 6


async def test_of_two_tabs_that_ask_again_one_is_answered(support: Live) -> None:
    guest = visitor(support)
    broken = await begun(support, guest, BROKEN)
    turns = [
        await conversing.begin(
            support, guest, input="a b c", conversation_id=broken.conversation_id,
            event_id=f"again-{broken.response_id}", replaces=broken.response_id,
        )
        for _ in range(2)
    ]  # fmt: skip
    assert turns[0].response_id == turns[1].response_id
    await turns[1].finished()
    assert await said(support, guest, broken) == [("user", "a b c"), ("assistant", "a b c")]


async def test_strangers_make_no_room_in_others_conversations(support: Live) -> None:
    guest, mallory = visitor(support), visitor(support)
    broken = await begun(support, guest, BROKEN)
    await begun(support, mallory, "mine now", replaces=broken.response_id)
    assert (await said(support, guest, broken))[0] == ("user", BROKEN)


async def test_a_question_is_known_by_the_event_that_asked_it(support: Live) -> None:
    guest = visitor(support)
    turn = await conversing.begin(support, guest, input="good morning", event_id="evt-1")
    await turn.finished()
    asked, answered = await conversing.items(support, guest, turn.conversation_id)
    assert (asked["event_id"], answered["event_id"]) == ("evt-1", None)
