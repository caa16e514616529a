"""A chatbot that is named as a model says where its words are from, as OpenAI's clients read it."""

import json
from typing import Any

import pytest
from openai.types.responses import Response

from chatbots.finding import Live
from knowledge.search import Passage
from tests.inference.asgi import Tenant

QUESTION = "Rye bread stays fresh for nine days [1]"
FOUND = Passage("Our rye bread stays fresh for nine days.", "file-1", "bread.md", 7, 2, 0.5)


@pytest.fixture(autouse=True)
def knowledge(monkeypatch: pytest.MonkeyPatch) -> None:
    async def passages(*_: object) -> list[Passage]:
        return [FOUND]

    monkeypatch.setattr("chatbots.retrieval.passages", passages)


def cites(told: dict[str, Any]) -> bool:
    place = (told["file_id"], told["filename"], told["page"], told["chunk_id"], told["index"])
    return place == ("file-1", "bread.md", 2, 7, QUESTION.index("[1]"))


async def test_a_chat_completion_has_them_on_its_message(bakery: Tenant, support: Live) -> None:
    answer = (await bakery.ask(QUESTION, model="chatbot/support")).json
    (told,) = answer["choices"][0]["message"]["annotations"]
    assert told["type"] == "file_citation"
    assert cites(told["file_citation"])


async def test_a_stream_has_them_before_it_ends(bakery: Tenant, support: Live) -> None:
    call = await bakery.ask(QUESTION, model="chatbot/support", stream=True)
    *_, cited, end = call.events
    (told,) = cited["choices"][0]["delta"]["annotations"]
    assert cites(told["file_citation"])
    assert end["choices"][0]["finish_reason"] == "stop"
    assert [event for event in call.events if "annotations" in event["choices"][0]["delta"]] == [
        cited
    ]


async def test_a_response_has_them_on_its_text(bakery: Tenant, support: Live) -> None:
    body = json.dumps({"model": "chatbot/support", "input": QUESTION}).encode()
    answer = (await bakery.send(body, path="/v1/responses").finished()).json
    assert Response.model_validate(answer).output_text == QUESTION
    (told,) = answer["output"][0]["content"][0]["annotations"]
    assert told["type"] == "file_citation"
    assert cites(told)


async def test_a_model_that_is_no_chatbot_says_nothing_of_the_kind(bakery: Tenant) -> None:
    answer = (await bakery.ask(QUESTION, model="scripted")).json
    assert "annotations" not in answer["choices"][0]["message"]
