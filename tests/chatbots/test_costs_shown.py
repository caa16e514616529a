"""Makers of a chatbot see what each answer costs, also when they come back; visitors never do."""

from dataclasses import replace

from chatbots import conversing
from chatbots.conversing import Speaker
from chatbots.finding import Live
from chatbots.models import Message
from tests.inference.conftest import cost


async def test_who_pays_sees_what_it_costs(support: Live) -> None:
    maker = Speaker(support.organisation_id, support.key_id, preview=True)
    turn = await conversing.begin(support, maker, input="good morning")
    finished = await turn.finished()
    message = await Message.objects.aget(pk=turn.message_id)
    assert finished["usage"]["cost"] == finished["metadata"]["cost"]
    assert message.cost_nano == cost(message.prompt_tokens, message.completion_tokens)
    assert finished["metadata"].keys() == {"cost", "request_id", "first_token_ms"}
    question, answer = await conversing.items(support, maker, turn.conversation_id)
    assert answer["metadata"] == finished["metadata"]
    assert answer["usage"].items() <= finished["usage"].items()
    assert not {"metadata", "usage"} & question.keys()


async def test_a_visitor_reads_no_cost_in_a_conversation_not_even_a_makers(support: Live) -> None:
    maker = Speaker(support.organisation_id, support.key_id, visitor_id="vis_1", preview=True)
    turn = await conversing.begin(support, maker, input="good morning")
    await turn.finished()
    visitor = replace(maker, preview=False)
    answer = (await conversing.items(support, visitor, turn.conversation_id))[1]
    assert answer["role"] == "assistant"
    assert not {"metadata", "usage"} & answer.keys()
    own = await conversing.begin(support, visitor, input="hello")
    await own.finished()
    for item in await conversing.items(support, visitor, own.conversation_id):
        assert not {"metadata", "usage"} & item.keys()
