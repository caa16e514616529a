"""The Smarter platform in Python: `Smarter` and `AsyncSmarter`, errors, types, HTTP clients."""

from openai import (
    APIConnectionError,
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AsyncStream,
    AuthenticationError,
    BadRequestError,
    BaseModel,
    ConflictError,
    InternalServerError,
    InvalidWebhookSignatureError,
    NotFoundError,
    OpenAIError,
    PermissionDeniedError,
    RateLimitError,
    Stream,
    Timeout,
    UnprocessableEntityError,
)

from smarter import types
from smarter._client import DEFAULT_MAX_RETRIES, AsyncSmarter, Smarter
from smarter._environment import set_up_logging
from smarter._http import DefaultAsyncHttpxClient, DefaultHttpxClient
from smarter._version import __version__
from smarter.resources.async_chatbots import AsyncChatbot
from smarter.resources.chatbots import Chatbot

SmarterError = OpenAIError
Client, AsyncClient = Smarter, AsyncSmarter

__all__ = [
    "DEFAULT_MAX_RETRIES",
    "APIConnectionError",
    "APIError",
    "APIResponseValidationError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncChatbot",
    "AsyncClient",
    "AsyncSmarter",
    "AsyncStream",
    "AuthenticationError",
    "BadRequestError",
    "BaseModel",
    "Chatbot",
    "Client",
    "ConflictError",
    "DefaultAsyncHttpxClient",
    "DefaultHttpxClient",
    "InternalServerError",
    "InvalidWebhookSignatureError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "Smarter",
    "SmarterError",
    "Stream",
    "Timeout",
    "UnprocessableEntityError",
    "__version__",
    "types",
]

set_up_logging()
