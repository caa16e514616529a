"""Other people's clients, unchanged, do with this server what they do with OpenAI's."""

from collections.abc import Callable

import pytest

from tests.clients.conftest import CLIENTS, Told

Tell = Callable[[str], Told]
SAY, WEATHER = "one two three", "21 degrees"  # as the programs have them
OPENAI = ["openai-3", "openai-2", "openai-node"]
every = pytest.mark.parametrize("client", list(CLIENTS))
openai = pytest.mark.parametrize("client", OPENAI)


@every
def test_it_chats(tell: Tell, client: str) -> None:
    chat = tell(client)["chat"]
    assert chat.get("text") == SAY, chat
    assert chat["usage"]["completion"] == 3


@every
def test_it_streams_the_same(tell: Tell, client: str) -> None:
    streamed = tell(client)["stream"]
    assert streamed.get("text") == SAY, streamed
    if usage := streamed.get("usage"):
        assert usage == tell(client)["chat"]["usage"]


@every
def test_it_calls_a_tool_and_goes_on_with_its_result(tell: Tell, client: str) -> None:
    tool = tell(client)["tool"]
    assert (tool.get("name"), bool(tool.get("city"))) == ("get_weather", True), tool
    assert WEATHER in tool.get("text", WEATHER)


@every
def test_it_gets_an_answer_that_fits_its_schema(tell: Tell, client: str) -> None:
    person = tell(client)["structured"]
    assert person.keys() == {"name", "age"}, person
    assert isinstance(person["name"], str)
    assert isinstance(person["age"], int)


@every
def test_it_knows_a_missing_model_and_a_wrong_key(tell: Tell, client: str) -> None:
    told = tell(client)
    assert told["missing_model"].get("status") == 404, told["missing_model"]
    assert told["wrong_key"].get("status") == 401, told["wrong_key"]


@openai
def test_it_reads_code_and_request_id_of_an_error(tell: Tell, client: str) -> None:
    told = tell(client)
    assert told["missing_model"]["code"] == "model_not_found"
    assert told["missing_model"]["id"].startswith("req_")
    assert told["wrong_key"]["code"] == "invalid_api_key"


@openai
def test_it_uses_responses(tell: Tell, client: str) -> None:
    told = tell(client)["responses"]
    assert told.get("text") == told.get("kept") == SAY, told
    assert told["streamed"] == "four five"
    assert told["continued"] is True
    assert told["usage"]["output_tokens"] == 3
    assert told["usage"]["total_tokens"] == told["usage"]["input_tokens"] + 3


@pytest.mark.parametrize("client", [*OPENAI, "pydantic-ai"])
def test_it_calls_a_tool_through_responses(tell: Tell, client: str) -> None:
    tool = tell(client)["response_tool"]
    assert (tool.get("name"), bool(tool.get("city"))) == ("get_weather", True), tool
    assert WEATHER in tool["text"]


@openai
def test_a_response_fits_its_schema(tell: Tell, client: str) -> None:
    person = tell(client)["response_structured"]
    assert person.keys() == {"name", "age"}, person
    assert isinstance(person["age"], int)


@openai
def test_it_keeps_a_conversation(tell: Tell, client: str) -> None:
    kept = tell(client)["conversations"]
    assert kept == {"kinds": ["message", "message"], "topic": "numbers"}
