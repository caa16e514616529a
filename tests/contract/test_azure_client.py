"""The openai package's Azure client against the running server: its paths, its `api-key` header."""

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from tests.running import Server, Tenant

VERSION = "2024-10-21"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Hello!"}]
SHORT: dict[str, Any] = {"max_tokens": 12, "temperature": 0}


@pytest.fixture
def azure(server: Server, ada: Tenant) -> Iterator[openai.AzureOpenAI]:
    with openai.AzureOpenAI(
        azure_endpoint=server.url, api_key=ada.api_key, api_version=VERSION
    ) as client:
        yield client


def test_a_chat_completion_answers_whole_and_streamed(azure: openai.AzureOpenAI) -> None:
    whole = azure.chat.completions.create(model="smarter-mini", messages=HELLO, **SHORT)
    said = whole.choices[0].message.content
    stream = azure.chat.completions.create(
        model="smarter-mini", messages=HELLO, stream=True, **SHORT
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
    assert said
    assert "".join(pieces) == said
    assert len(pieces) > 3
    assert whole.model == "smarter-mini"


def test_a_completion_answers_whole_and_streamed(azure: openai.AzureOpenAI) -> None:
    whole = azure.completions.create(model="smarter-mini", prompt="Bees are", **SHORT)
    stream = azure.completions.create(model="smarter-mini", prompt="Bees are", stream=True, **SHORT)
    assert "".join(chunk.choices[0].text for chunk in stream) == whole.choices[0].text != ""


def test_the_deployment_is_the_model_whatever_the_body_says(server: Server, ada: Tenant) -> None:
    with openai.AzureOpenAI(
        azure_endpoint=server.url,
        azure_deployment="smarter-mini",
        api_key=ada.api_key,
        api_version=VERSION,
    ) as client:
        answer = client.chat.completions.create(model="gpt-nobody", messages=HELLO, **SHORT)
    assert answer.model == "smarter-mini"


async def test_the_asynchronous_client_answers_whole_and_streamed(
    server: Server, ada: Tenant
) -> None:
    async with openai.AsyncAzureOpenAI(
        azure_endpoint=server.url, api_key=ada.api_key, api_version=VERSION
    ) as client:
        whole, text = await asyncio.gather(
            client.chat.completions.create(model="smarter-mini", messages=HELLO, **SHORT),
            client.completions.create(model="smarter-mini", prompt="Bees are", **SHORT),
        )
        assert text.choices[0].text
        stream = await client.chat.completions.create(
            model="smarter-mini", messages=HELLO, stream=True, **SHORT
        )
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    assert said == whole.choices[0].message.content != ""


def test_what_has_no_deployment_answers_as_well(azure: openai.AzureOpenAI) -> None:
    assert "smarter-mini" in {model.id for model in azure.models.list()}


def test_the_ordinary_client_works_at_azures_newer_address(server: Server, ada: Tenant) -> None:
    with openai.OpenAI(base_url=f"{server.url}/openai/v1/", api_key=ada.api_key) as client:
        answer = client.chat.completions.create(model="smarter-mini", messages=HELLO, **SHORT)
        assert answer.choices[0].message.content
        assert "smarter-mini" in {model.id for model in client.models.list()}


def test_a_wrong_key_is_a_401_that_does_not_repeat_it(server: Server) -> None:
    with (
        openai.AzureOpenAI(
            azure_endpoint=server.url, api_key="sk-" + "wrong" * 8, api_version=VERSION
        ) as client,
        pytest.raises(openai.AuthenticationError) as refused,
    ):
        client.chat.completions.create(model="smarter-mini", messages=HELLO)
    assert refused.value.code == "invalid_api_key"
    assert "wrongwrong" not in refused.value.response.text
    assert "wrongwrong" not in str(refused.value.response.headers)
    assert "wrongwrong" not in server.log()


def test_a_model_that_does_not_exist_is_a_404(azure: openai.AzureOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as refused:
        azure.chat.completions.create(model="mistral/none:7b", messages=HELLO)
    assert (refused.value.code, refused.value.param) == ("model_not_found", "model")
    assert "mistral/none:7b" in refused.value.message


def test_elsewhere_the_key_belongs_into_the_authorization_header(
    server: Server, ada: Tenant
) -> None:
    answer = httpx.post(
        f"{server.url}/v1/chat/completions",
        headers={"api-key": ada.api_key},
        json={"model": "smarter-mini", "messages": HELLO},
    )
    assert answer.status_code == 401
