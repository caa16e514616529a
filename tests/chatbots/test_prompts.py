"""Prompts over HTTP, and a chatbot as a model: OpenAI's shapes, charged to the chatbot."""

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from api.body_limits import BodyLimits
from api.request_ids import RequestIds
from billing.models import Hold
from chatbots import making
from chatbots.finding import Live
from chatbots.gateway import routes
from chatbots.models import Conversation, Message
from inference.gateway.application import application
from tests.chatbots.conftest import ADA, Publish
from tests.inference import asgi
from tests.inference.asgi import Call, Tenant
from tests.inference.conftest import holds


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = application.also(routes.ROUTES)
    monkeypatch.setattr(asgi, "stack", RequestIds(BodyLimits(whole)))


async def prompt(
    bakery: Tenant, body: dict[str, Any], name: str = "support", **headers: str
) -> Call:
    path = f"/v1/chatbots/{name}/prompt"
    return await bakery.send(json.dumps(body).encode(), path=path, headers=headers).finished()


async def test_a_prompt_is_answered_as_a_chat_completion(bakery: Tenant, support: Live) -> None:
    call = await prompt(bakery, {"input": "good morning to you"})
    answer = call.json
    assert (call.status, answer["object"], answer["model"]) == (
        200, "chat.completion", "chatbot/support",
    )  # fmt: skip
    message = await Message.objects.aget(pk=answer["message_id"])
    assert answer["choices"][0]["message"]["content"] == message.text
    assert answer["sources"] == []
    assert call.answer_headers["x-request-cost"] == answer["usage"]["cost"]
    (hold,) = await holds()
    assert hold.chatbot_id == support.chatbot_id


async def test_a_prompt_goes_on_with_its_conversation(bakery: Tenant, support: Live) -> None:
    first = (await prompt(bakery, {"input": "one"})).json
    body = {"input": "two", "conversation": first["conversation"]}
    second = (await prompt(bakery, body)).json
    assert second["conversation"] == first["conversation"]
    assert await Conversation.objects.acount() == 1
    assert second["usage"]["prompt_tokens"] > first["usage"]["prompt_tokens"]


async def test_messages_are_a_history_of_their_own(bakery: Tenant, support: Live) -> None:
    said = [("user", "one two"), ("assistant", "three"), ("user", "four five")]
    messages = [{"role": role, "content": text} for role, text in said]
    answer = (await prompt(bakery, {"input": messages})).json
    assert answer["usage"]["prompt_tokens"] == len(
        ["Be", "kind.", "one", "two", "three", "four", "five"]
    )
    kept = [one.text async for one in Message.objects.order_by("place")]
    assert kept[:3] == [text for _, text in said]


async def test_a_stream_has_the_same_words_then_sources_and_usage(
    bakery: Tenant, support: Live
) -> None:
    call = await prompt(bakery, {"input": "one two three four", "stream": True})
    *chunks, last = call.events
    text = "".join(chunk["choices"][0]["delta"]["content"] for chunk in chunks)
    assert text == (await Message.objects.aget(role="assistant")).text
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert last["choices"][0]["finish_reason"] == "stop"
    assert last["sources"] == []
    assert last["usage"]["cost"]


async def test_the_same_idempotency_key_is_one_answer_and_one_charge(
    bakery: Tenant, support: Live
) -> None:
    calls = [await prompt(bakery, {"input": "hello"}, **{"idempotency-key": "a"}) for _ in "ab"]
    assert calls[0].json == calls[1].json
    assert len(await holds()) == 1


async def test_the_same_idempotency_key_with_another_message_is_refused(
    bakery: Tenant, support: Live
) -> None:
    key = {"idempotency-key": "a"}
    first = await prompt(bakery, {"input": "hello"}, **key)
    for conversation in ({}, {"conversation": first.json["conversation"]}):
        call = await prompt(bakery, {"input": "something else", **conversation}, **key)
        assert (call.status, call.error["code"]) == (422, "idempotency_key_reused")
    assert len(await holds()) == 1


@pytest.mark.parametrize(
    ("body", "status", "param"),
    [
        ({}, 400, "input"),
        ({"input": ""}, 400, "input"),
        ({"input": []}, 400, "input"),
        ({"input": [{"role": "assistant", "content": "hi"}]}, 400, "input"),
        ({"input": "hi", "model": "scripted"}, 400, "model"),
        ({"input": "hi", "conversation": "chat_no"}, 404, "conversation"),
        ({"input": "hi", "conversation": "\0"}, 400, None),
    ],
)
async def test_what_is_wrong_is_named(
    bakery: Tenant, support: Live, body: dict[str, Any], status: int, param: str | None
) -> None:
    call = await prompt(bakery, body)
    assert (call.status, call.error["param"]) == (status, param)
    assert await holds() == []


async def test_a_paused_chatbot_a_strangers_and_none_at_all_do_not_answer(
    bakery: Tenant, support: Live
) -> None:
    chatbot = await sync_to_async(making.find)(bakery.organisation_id, "support")
    await sync_to_async(making.pause)(chatbot, ADA)
    call = await prompt(bakery, {"input": "hi"})
    assert (call.status, call.error["code"]) == (403, "chatbot_unavailable")
    assert (await prompt(bakery, {"input": "hi"}, name="nobody")).status == 404


async def test_a_chatbot_answers_as_a_model(bakery: Tenant, publish: Publish) -> None:
    live = await publish(max_output_tokens=16, stop=["five"])
    answer = (await bakery.ask("one two three", model="chatbot/support")).json
    assert answer["model"] == "chatbot/support"
    assert answer["usage"]["prompt_tokens"] == len(["Be", "kind.", "one", "two", "three"])
    streamed = await bakery.ask("one two", model="chatbot/support", stream=True)
    assert streamed.events[-1]["choices"][0]["finish_reason"]
    assert {hold.chatbot_id for hold in await holds()} == {live.chatbot_id}
    assert not await Conversation.objects.aexists()


async def test_a_chatbot_answers_as_a_model_of_responses(bakery: Tenant, support: Live) -> None:
    body = json.dumps({"model": "chatbot/support", "input": "one two three"}).encode()
    answer = (await bakery.send(body, path="/v1/responses").finished()).json
    assert (answer["status"], answer["model"]) == ("completed", "chatbot/support")
    assert answer["instructions"] is None
    assert answer["usage"]["input_tokens"] == len(["Be", "kind.", "one", "two", "three"])
    assert [hold.chatbot_id for hold in await holds()] == [support.chatbot_id]


async def test_what_no_chatbot_is_called_is_an_unknown_model(bakery: Tenant, support: Live) -> None:
    unknown = await bakery.ask("hi", model="chatbot/nobody")
    assert (unknown.status, unknown.error["code"]) == (404, "model_not_found")
    plain = await bakery.ask("hi", model="chatbot/support", path="/v1/completions")
    assert (plain.status, plain.error["code"]) == (400, "unsupported_model")
    assert not await Hold.objects.aexists()


async def test_usage_can_be_grouped_by_chatbot(bakery: Tenant, support: Live) -> None:
    await prompt(bakery, {"input": "hello"})
    await bakery.ask("hello")
    found = {hold.chatbot_id for hold in await holds()}
    assert found == {support.chatbot_id, None}
