"""What these routes take (fields of a response's request, no others) and what they answer."""

from typing import Any, Final, Literal, cast

from pydantic import BaseModel, create_model

from api import strict_json
from api.errors import InvalidRequest
from inference.schemas.fields import ShortText, Strict
from inference.schemas.responses import ResponseRequest, parse_request
from inference.schemas.responses.answers import ResponseUsage


def _narrowed(name: str, *fields: str, **more: Any) -> type[BaseModel]:
    known = ResponseRequest.model_fields
    kept: dict[str, Any] = {field: (known[field].annotation, known[field]) for field in fields}
    return cast("type[BaseModel]", create_model(name, __base__=Strict, **kept, **more))


InputTokensRequest: Final = _narrowed(
    "InputTokensRequest",
    *("model", "input", "instructions", "previous_response_id", "conversation", "tools"),
    *("tool_choice", "parallel_tool_calls", "text", "reasoning", "truncation"),
    personality=(ShortText | None, None),
)
CompactRequest: Final = _narrowed(
    "CompactRequest",
    *("model", "input", "instructions", "previous_response_id", "service_tier", "image"),
    *("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention"),
)
IGNORED: Final = {"personality"}  # a style of models that are not served here


class InputTokens(BaseModel):
    object: Literal["response.input_tokens"]
    input_tokens: int


class CompactedResponse(BaseModel):
    """`output`: every message of a user, then one item that stands for the rest."""

    id: str
    object: Literal["response.compaction"]
    created_at: int
    output: list[dict[str, Any]]
    usage: ResponseUsage


def read(raw: bytes, schema: type[BaseModel]) -> ResponseRequest:
    """Raises InvalidRequest."""
    body = strict_json.loads(raw)
    if isinstance(body, dict):
        for name in body:
            if name not in schema.model_fields:
                raise InvalidRequest(
                    f"Unknown parameter: '{name[:64]}'.",
                    param=name[:64],
                    code="unknown_parameter",
                )
        body = {name: value for name, value in body.items() if name not in IGNORED}
    return parse_request(body)
