"""Resources: paths, bodies, pages, and what their answers can do."""

import asyncio
import json

import httpx
import pytest

import smarter
from sdk.tests.conftest import COMPLETION, KEY, Script, says
from smarter import types

BOT = {"id": "bot_1", "object": "chatbot", "name": "my-chatbot", "title": "Mine"}


def page(*items: object, more: bool = False) -> httpx.Response:
    return says({"object": "list", "data": list(items), "has_more": more})


def test_a_chatbot_answers_and_its_answer_prints_as_text(
    script: Script, client: smarter.Smarter, capsys: pytest.CaptureFixture[str]
) -> None:
    script.answers = [says(BOT), says(COMPLETION)]
    chatbot = client.resources.chatbots.get(name="my-chatbot")
    assert chatbot._request_id == "req_123"
    chat = chatbot.prompt("Hello, World!", conversation="chat_1")
    print(chat)  # noqa: T201 - printing is what is tested
    assert capsys.readouterr().out == "Hello!\n"
    assert chat._request_id == "req_123"
    assert script.asked[1].url.path == "/v1/chatbots/my-chatbot/prompt"
    assert json.loads(script.asked[1].content) == {
        "input": "Hello, World!", "conversation": "chat_1", "stream": False,
    }  # fmt: skip


def test_a_streamed_answer_prints_piece_by_piece(script: Script, client: smarter.Smarter) -> None:
    pieces = [
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
         "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
        for text in ("Hel", "lo!")
    ]  # fmt: skip
    lines = "".join(f"data: {json.dumps(piece)}\n\n" for piece in pieces) + "data: [DONE]\n\n"
    stream = httpx.Response(200, text=lines, headers={"content-type": "text/event-stream"})
    script.answers = [says(BOT), stream]
    chatbot = client.resources.chatbots.get("my-chatbot")
    assert "".join(map(str, chatbot.prompt("Hi", stream=True))) == "Hello!"


def test_chatbots_of_a_list_can_be_asked_too(script: Script, client: smarter.Smarter) -> None:
    script.answers = [page(BOT, more=True), page({**BOT, "id": "bot_2"}), says(COMPLETION)]
    chatbots = list(client.resources.chatbots.list(limit=1))
    assert [each.id for each in chatbots] == ["bot_1", "bot_2"]
    assert script.asked[1].url.params["after"] == "bot_1"
    assert chatbots[1].prompt("Hi").text == "Hello!"


def test_pages_are_turned_by_hand_too(script: Script, client: smarter.Smarter) -> None:
    script.answers = [page({"id": "job_1"}, more=True), page({"id": "job_2"})]
    first = client.fine_tuning.jobs.list(limit=1)
    assert first.has_next_page()
    info = first.next_page_info()
    assert info is not None
    assert info.params == {"after": "job_1"}
    second = first.get_next_page()
    assert [each.id for each in second.data] == ["job_2"]
    assert not second.has_next_page()
    assert dict(script.asked[1].url.params) == {"limit": "1", "after": "job_1"}


def test_the_same_by_awaiting(script: Script) -> None:
    async def go() -> None:
        transport = httpx.MockTransport(script.later)
        http = smarter.DefaultAsyncHttpxClient(transport=transport)
        async with smarter.AsyncSmarter(api_key=KEY, http_client=http) as client:
            script.answers = [says(BOT), says(COMPLETION)]
            chatbot = await client.resources.chatbots.get(name="my-chatbot")
            assert str(await chatbot.prompt("Hi")) == "Hello!"
            script.answers = [page(BOT, more=True), page({**BOT, "id": "bot_2"})]
            first = await client.resources.chatbots.list(limit=1)
            assert first.has_next_page()
            assert [each.id async for each in first] == ["bot_1", "bot_2"]
            script.answers = [says({"object": "balance", "available": "5.00"})]
            assert (await client.resources.balance()).available == "5.00"

    asyncio.run(go())


@pytest.mark.parametrize("name", ["a/b", "a b", "../keys", "ü?x=1#y"])
def test_a_name_stays_one_segment_of_the_path(
    name: str, script: Script, client: smarter.Smarter
) -> None:
    script.answers = [says(BOT)]
    client.resources.chatbots.get(name)
    assert script.asked[0].url.raw_path.count(b"/") == 3
    assert script.asked[0].url.path == f"/v1/chatbots/{name}"


def test_an_empty_name_is_refused_before_it_lists(client: smarter.Smarter) -> None:
    with pytest.raises(ValueError, match="empty"):
        client.resources.chatbots.get("")


def test_usage_is_asked_for_by_groups_and_days(script: Script, client: smarter.Smarter) -> None:
    script.answers = [says({"object": "usage", "from": "2026-11-01", "to": "2026-11-02"})]
    usage = client.resources.usage(group_by=("day", "model"), since="2026-11-01")
    assert dict(script.asked[0].url.params) == {"group_by": "day,model", "from": "2026-11-01"}
    assert str(usage.since) == "2026-11-01"


def test_missing_and_null_can_be_told_apart(script: Script, client: smarter.Smarter) -> None:
    script.answers = [says({"id": "key_1", "object": "api_key", "budget": None})]
    key = client.resources.api_keys.get("key_1")
    assert key.budget is None
    assert key.expires_at is None
    assert "budget" in key.model_fields_set
    assert "expires_at" not in key.model_fields_set
    assert key.to_dict() == {"id": "key_1", "object": "api_key", "budget": None}
    assert json.loads(key.to_json()) == key.to_dict()


def test_chat_responses_take_the_format_of_chat(script: Script, client: smarter.Smarter) -> None:
    script.answers = [says({"id": "resp_1", "object": "response"})]
    client.chat.responses.create(model="m", input="Hi", response_format={"type": "json_object"})
    assert script.asked[0].url.path == "/v1/responses"
    assert json.loads(script.asked[0].content)["text"] == {"format": {"type": "json_object"}}


def test_exports() -> None:
    assert set(smarter.__all__) == {
        "DEFAULT_MAX_RETRIES", "APIConnectionError", "APIError", "APIResponseValidationError",
        "APIStatusError", "APITimeoutError", "AsyncChatbot", "AsyncClient", "AsyncSmarter",
        "AsyncStream", "AuthenticationError", "BadRequestError", "BaseModel", "Chatbot", "Client",
        "ConflictError", "DefaultAsyncHttpxClient", "DefaultHttpxClient", "InternalServerError",
        "InvalidWebhookSignatureError", "NotFoundError", "PermissionDeniedError",
        "RateLimitError", "Smarter", "SmarterError", "Stream", "Timeout",
        "UnprocessableEntityError", "__version__", "types",
    }  # fmt: skip
    assert set(smarter.__all__) <= set(dir(smarter))
    assert set(types.__all__) <= set(dir(types))
