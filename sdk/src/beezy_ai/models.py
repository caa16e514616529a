"""What goes over the wire, and the errors that come back."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from openai import APIStatusError
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from typing_extensions import Required, TypedDict


class ChatCompletionRole(str, Enum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class CreateChatCompletionRequestBody(TypedDict, total=False):
    """What to answer, and how; `random_seed` makes an answer repeatable."""

    model: Required[str]
    messages: Required[Iterable[Mapping[str, Any]]]
    temperature: float
    top_p: float
    max_tokens: int
    stop: str | list[str]
    random_seed: int
    presence_penalty: float
    frequency_penalty: float
    response_format: dict[str, Any]
    tools: list[dict[str, Any]]
    tool_choice: str | dict[str, Any]


class StreamChatCompletionsRequestBody(CreateChatCompletionRequestBody, total=False):
    """The same, for an answer that comes piece by piece."""


class CreateChatCompletionResponseBody(ChatCompletion):
    """The whole answer."""


class ChatCompletionEvent(ChatCompletionChunk):
    """One piece of a streamed answer."""


class SDKError(Exception):
    """The server refused or failed: `status_code`, the parsed `body`, and the `request_id`."""

    def __init__(self, error: APIStatusError) -> None:
        super().__init__(error.message)
        self.message = error.message
        self.status_code = error.status_code
        self.body = error.body
        self.request_id = error.request_id


class BadRequest(SDKError):
    """400: a parameter is wrong; `body["param"]` names it."""


class Unauthorized(SDKError):
    """401: no key, or one that is unknown, expired or revoked."""


class Forbidden(SDKError):
    """403: the balance or a budget does not cover it, or the key may not do it."""


class NotFound(SDKError):
    """404: no such model."""


class TooManyRequests(SDKError):
    """429: the limit of a minute is reached."""


class InternalServerError(SDKError):
    """500: the server failed."""


class ServiceUnavailable(SDKError):
    """503: overloaded, or the model is not there for now."""


_BY_STATUS: dict[int, type[SDKError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    429: TooManyRequests,
    500: InternalServerError,
    503: ServiceUnavailable,
}


def error_of(error: APIStatusError) -> SDKError:
    """The error of these names for one of the transport's."""
    return _BY_STATUS.get(error.status_code, SDKError)(error)
