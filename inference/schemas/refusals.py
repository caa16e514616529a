"""From what pydantic found wrong to one error in OpenAI's words: which parameter, and why."""

from typing import TypeVar

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
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
    "model_type": gettext_noop("it should be an object"),
    "dict_type": gettext_noop("it should be an object"),
    "list_type": gettext_noop("it should be an array"),
}
PYDANTICS = {  # what it says itself, in English only; a page says these to its reader
    "greater_than_equal": gettext_noop("input should be greater than or equal to {ge}"),
    "less_than_equal": gettext_noop("input should be less than or equal to {le}"),
    "string_pattern_mismatch": gettext_noop("string should match pattern '{pattern}'"),
    "string_too_long": gettext_noop("string should have at most {max_length} characters"),
    "string_too_short": gettext_noop("string should have at least {min_length} characters"),
    "unknown_variable": gettext_noop("{{{{{name}}}}} is unknown; there are {known}"),
    "too_long": gettext_noop("list should have at most {max_length} items"),
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
        said = _("Unknown parameter: '%(param)s'.")
    elif kind == "missing":
        said = _("Missing required parameter: '%(param)s'.")
    elif not param:
        said = _("The body is wrong: %(reason)s.")
    else:
        said = _("Invalid '%(param)s': %(reason)s.")
    facts = {"param": param, "reason": _reason(error)}
    return InvalidRequest(said % facts, param=param or None, code=code)


def _reason(error: ErrorDetails) -> str:
    if ours := REASONS.get(error["type"]):
        return _(ours)
    known = PYDANTICS.get(error["type"], "")
    if known and (said := _(known)) != known:
        return said.format_map(error["ctx"])
    return _(error["msg"][:1].lower() + error["msg"][1:])


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
