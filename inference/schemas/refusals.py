"""From what pydantic found wrong to one error in OpenAI's words: which parameter, and why."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from api.errors import InvalidRequest
from inference.schemas.fields import UNKNOWN_KIND

Schema = TypeVar("Schema", bound=BaseModel)

CODES = {
    "extra_forbidden": "unknown_parameter",
    "missing": "missing_required_parameter",
    "unsupported": "unsupported_parameter",
}
REASONS = {  # where pydantic would speak of Python
    "model_type": "it should be an object",
    "dict_type": "it should be an object",
    "list_type": "it should be an array",
}


def parse(schema: type[Schema], body: object) -> Schema:
    """`body` as `schema`. Raises InvalidRequest, which names the first parameter that is wrong."""
    if not isinstance(body, dict):
        raise InvalidRequest("The body must be a JSON object.", code="invalid_type")
    try:
        return schema.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise refusal(first) from None


def refusal(error: ErrorDetails) -> InvalidRequest:
    kind, param = error["type"], _param(error)
    code = CODES.get(kind, "invalid_type" if kind.endswith("_type") else "invalid_value")
    if kind == "extra_forbidden":
        return InvalidRequest(f"Unknown parameter: '{param}'.", param=param, code=code)
    if kind == "missing":
        return InvalidRequest(f"Missing required parameter: '{param}'.", param=param, code=code)
    reason = REASONS.get(kind) or error["msg"][:1].lower() + error["msg"][1:]
    if not param:
        return InvalidRequest(f"The body is wrong: {reason}.", code=code)
    return InvalidRequest(f"Invalid '{param}': {reason}.", param=param, code=code)


def _param(error: ErrorDetails) -> str:
    """`("messages", 0, "(parts)", 1, "text")` → `messages[0].content[1].text`.

    Names in brackets are pydantic's: union members (ours are spelled so) and "this dictionary key".
    """
    path = ""
    for step in (*error["loc"], *_named(error)):
        if isinstance(step, int):
            path += f"[{step}]"
        elif not step.startswith(("(", "[")):
            path += f".{step[:64]}" if path else step[:64]
    return path


def _named(error: ErrorDetails) -> tuple[str, ...]:
    param = "type" if error["type"] == UNKNOWN_KIND else error.get("ctx", {}).get("param")
    return (param,) if param else ()
