"""Messages of visitors and addresses: never more than the limit, and a true wait."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from api.errors import BudgetExhausted, InvalidRequest, RateLimited
from billing.models import ChatbotWindow
from chatbots import conversing, finding, limits
from chatbots.configuration import Limits
from chatbots.conversing import Speaker
from chatbots.models import Chatbot, Conversation
from tests.chatbots.conftest import Publish, visitor
from tests.inference.conftest import cost, holds

TWO = {"limits": {"messages": 2, "window_seconds": 60}}


def windows(most: int = 3, seconds: int = 60, who: str = "ada") -> list[limits.Window]:
    asked = Limits.model_validate(
        {"messages": most, "window_seconds": seconds, "address_messages": 5}
    )
    return limits.windows("bot_1", asked, who, "192.0.2.1")


@pytest.fixture(autouse=True)
def afresh() -> None:
    limits.forget_all()


def taken(wanted: list[limits.Window]) -> bool:
    try:
        limits.take_here(wanted)
    except RateLimited:
        return False
    return True


def test_a_herd_gets_exactly_the_limit_through() -> None:
    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(lambda _: taken(windows()), range(200))) == 3


def test_an_address_has_a_limit_over_all_of_its_visitors() -> None:
    passed = [taken(windows(who=f"visitor {number}")) for number in range(8)]
    assert passed == [True] * 5 + [False] * 3
    assert not taken(windows(who="visitor 0"))


def test_the_wait_is_true() -> None:
    wanted = windows(most=1, seconds=1)
    limits.take_here(wanted)
    with pytest.raises(RateLimited) as refused:
        limits.take_here(wanted, "Slowly, please.")
    assert (refused.value.message, refused.value.error_code) == ("Slowly, please.", "rate_limited")
    assert 0 < (refused.value.retry_after or 0) <= 1
    time.sleep(refused.value.retry_after or 0)
    assert taken(wanted)


def test_what_is_left_is_told() -> None:
    limits.take_here(windows())
    messages, address = limits.left(windows())
    assert (messages.limit, messages.remaining) == (3, 2)
    assert (address.name, address.remaining) == ("address_messages", 4)
    assert 59 <= messages.reset_seconds <= 60


async def test_a_refused_message_costs_nothing_of_the_limit(publish: Publish) -> None:
    live = await publish(**TWO)
    guest = visitor(live)
    for _ in range(3):
        with pytest.raises(InvalidRequest):
            await conversing.begin(live, guest, input="#reject=messages no")
    first = await conversing.begin(live, guest, input="one", event_id="evt")
    await conversing.begin(live, guest, input="one", event_id="evt")
    await first.finished()
    await (await conversing.begin(live, guest, input="two")).finished()
    with pytest.raises(RateLimited):
        await conversing.begin(live, guest, input="three")
    assert await Conversation.objects.acount() == 2


async def test_keys_and_makers_have_no_visitors_limit(publish: Publish) -> None:
    live = await publish(**TWO)
    maker = Speaker(live.organisation_id, live.key_id, visitor_id=None, preview=True)
    for _ in range(4):
        await (await conversing.begin(live, maker, input="hello")).finished()
    assert await conversing.limits_of(live, maker) == []


async def test_a_spent_budget_refuses_in_the_chatbots_words_and_is_never_exceeded(
    publish: Publish,
) -> None:
    live = await publish(
        system_prompt="", max_output_tokens=16,
        budget={"day_usd": "0.0001", "month_usd": None, "resting_text": "Back tomorrow."},
    )  # fmt: skip
    refusal: BudgetExhausted | None = None
    for _ in range(30):
        try:
            turn = await conversing.begin(live, visitor(live), input="one two three")
            await turn.finished()
        except BudgetExhausted as error:
            refusal = error
            break
    assert refusal is not None
    assert refusal.message == "Back tomorrow."
    window = await ChatbotWindow.objects.aget(period="day")
    assert 0 < window.spent <= 100_000
    assert window.spent == sum(hold.charged for hold in await holds())
    assert 100_000 - window.spent < cost(3, 16)
    assert (await Chatbot.objects.aget()).rested_at is not None
    assert (await finding.by_name(live.organisation_id, live.name)).answers
    await ChatbotWindow.objects.aupdate(spent=100_000)
    assert (await finding.by_name(live.organisation_id, live.name)).state == "over_budget"
