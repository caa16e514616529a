"""LangChain's standard tests: chat over chat completions and over Responses, embeddings."""

import os
from typing import Any

from langchain_openai import ChatOpenAI, OpenAIEmbeddings  # type: ignore[import-not-found] # its own environment
from langchain_tests.integration_tests import (  # type: ignore[import-not-found] # as above
    ChatModelIntegrationTests,
    EmbeddingsIntegrationTests,
)

PARAMS = {"model": os.environ["CONFORMANCE_MODEL"], "max_retries": 0, "timeout": 60}


class TestChat(ChatModelIntegrationTests):  # type: ignore[misc] # untyped here
    has_tool_choice = True
    has_structured_output = True
    supports_json_mode = True
    structured_output_kwargs = {"method": "json_schema"}

    @property
    def chat_model_class(self) -> Any:
        return ChatOpenAI

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**PARAMS, "stream_usage": True}


class TestResponses(TestChat):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**PARAMS, "use_responses_api": True}


class TestEmbeddings(EmbeddingsIntegrationTests):  # type: ignore[misc] # untyped here
    @property
    def embeddings_class(self) -> Any:
        return OpenAIEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        return {
            **PARAMS,
            "check_embedding_ctx_length": False,
        }  # or it counts another model's tokens
