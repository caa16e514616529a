"""The API's description of the generating routes is complete, and real answers keep to it."""

import json
from typing import Any

import pytest

from inference.gateway.openapi import add_generating_routes
from inference.gateway.routes import DESCRIPTIONS, PREFIXES
from inference.schemas.answers import ChatCompletion, ChatCompletionChunk, Completion
from tests.inference.asgi import Tenant


def described() -> dict[str, Any]:
    return add_generating_routes({}, None, None, public=True)


def test_every_generating_path_is_described() -> None:
    known = {prefix + path for path in DESCRIPTIONS for prefix in PREFIXES}
    known |= {
        "/openai/deployments/{model}" + path
        for path in ("/chat/completions", "/completions", "/embeddings")
    }
    assert set(described()["paths"]) == known
    operations = [one for path in described()["paths"].values() for one in path.values()]
    ids = [one["operationId"] for one in operations]
    assert len(set(ids)) == len(ids)


def test_a_name_that_a_resource_has_taken_is_refused() -> None:
    resources: dict[str, Any] = {"components": {"schemas": {"TokenUsage": {}}}}
    with pytest.raises(ValueError, match="TokenUsage"):
        add_generating_routes(resources, None, None, public=True)


def test_every_reference_leads_somewhere() -> None:
    description = described()
    text = json.dumps(description)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= {*description["components"]["schemas"], "Error"}


def test_parameters_that_are_not_served_are_described_as_null() -> None:
    fields = described()["components"]["schemas"]["ChatCompletionRequest"]["properties"]
    assert fields["audio"]["type"] == "null"
    assert fields["n"]["anyOf"][0]["maximum"] == 128
    assert {"top_k", "min_p", "repetition_penalty"} <= set(fields)


@pytest.mark.parametrize("fields", [{}, {"logprobs": True, "top_logprobs": 2, "n": 2}])
async def test_real_chat_completions_keep_to_the_description(
    ada: Tenant, fields: dict[str, Any]
) -> None:
    ChatCompletion.model_validate((await ada.ask("a b", **fields)).json)
    options = {"include_usage": True}
    for event in (await ada.ask("a b", stream=True, stream_options=options, **fields)).events:
        ChatCompletionChunk.model_validate(event)


@pytest.mark.parametrize("fields", [{}, {"logprobs": 2, "n": 2}])
async def test_real_completions_keep_to_the_description(
    ada: Tenant, fields: dict[str, Any]
) -> None:
    call = ada.call("a b", path="/v1/completions", **fields)
    Completion.model_validate((await call.finished()).json)
    call = ada.call("a b", path="/v1/completions", stream=True, **fields)
    for event in (await call.finished()).events:
        Completion.model_validate(event)
