"""From a JSON schema to the text of a grammar; refuses, with its reason, what cannot be enforced.

The grammars are llguidance's: Lark with `%json {schema}` as a rule.
"""

import json
from collections.abc import Mapping
from typing import Any

from inference.engines.base import InvalidGeneration

MAX_BYTES = 64 * 1024
MAX_DEPTH = 100
# Its automaton has about as many states as the divisor.
MAX_DIVISOR = 10_000

# JSON as models write it, and `json.dumps`: no other whitespace, so there is no end to wait for.
_FORM = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
# Others are annotations, as the standard has it by default.
_FORMATS = {
    "date", "date-time", "duration", "email", "hostname", "ipv4", "ipv6", "time", "uri", "uuid",
}  # fmt: skip
_MAPS = {"properties", "patternProperties", "$defs", "definitions", "dependentSchemas"}
_LISTS = {"anyOf", "oneOf", "allOf", "prefixItems"}
_PLAIN = {"const", "enum", "default", "example", "examples"}  # values, whatever they look like


def json_rule(schema: Mapping[str, Any] | None, param: str) -> str:
    """What follows a rule's colon for one JSON value; None: any object.

    Raises InvalidGeneration naming `param`.
    """
    schema = {"type": "object"} if schema is None else dict(schema)
    if _depth(schema) > MAX_DEPTH:
        raise _refused(f"it is nested more than {MAX_DEPTH} levels deep", param)
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False)
        size = len(text.encode())
    except (TypeError, ValueError) as error:
        raise _refused(f"it is no JSON ({error})", param) from error
    if size > MAX_BYTES:
        raise _refused(f"it has {size} bytes of JSON, and at most {MAX_BYTES} are allowed", param)
    enforceable = {**_enforceable(schema, param), "x-guidance": _FORM}
    return f"%json {json.dumps(enforceable, ensure_ascii=False)}"


def _refused(reason: str, param: str) -> InvalidGeneration:
    return InvalidGeneration(f"This JSON schema cannot be enforced: {reason}.", param)


def _depth(value: object) -> int:
    """Levels of lists and objects, without recursion: the value may be hostile."""
    depth, level = 0, [value]
    while level and depth <= MAX_DEPTH:
        below: list[object] = []
        for each in level:
            if isinstance(each, Mapping):
                below += each.values()
            elif isinstance(each, list | tuple):
                below += each
        depth, level = depth + bool(below), below
    return depth


def _enforceable(schema: Mapping[str, Any], param: str) -> dict[str, Any]:
    """The schema without what says nothing about values that can be enforced."""
    _check(schema, param)
    kept = {}
    for key, value in schema.items():
        if key == "x-guidance" or (key == "format" and str(value) not in _FORMATS):
            continue
        kept[key] = value if key in _PLAIN else _below(key, value, param)
    return kept


def _below(key: str, value: Any, param: str) -> Any:
    if isinstance(value, Mapping):
        if key in _MAPS:
            return {name: _below("", each, param) for name, each in value.items()}
        return _enforceable(value, param)
    if isinstance(value, list) and (key in _LISTS or key == "items"):
        return [_below("", each, param) for each in value]
    return value


def _check(schema: Mapping[str, Any], param: str) -> None:
    reference = schema.get("$ref", "#")
    if not (isinstance(reference, str) and reference.startswith("#")):
        raise _refused(f"$ref {str(reference)[:80]!r} does not point into it", param)
    divisor = schema.get("multipleOf", 1)
    if isinstance(divisor, int | float) and _digits(divisor) > MAX_DIVISOR:
        raise _refused(f"multipleOf {divisor} has too many digits", param)
    least, required = schema.get("minProperties", 0), schema.get("required")
    named = len(required) if isinstance(required, list) else 0
    if isinstance(least, int) and least > max(1, named):
        # Names that the schema does not list may be repeated, and count once.
        raise _refused("minProperties is more than 1 and than its required properties", param)


def _digits(divisor: float) -> int:
    """0.25 → 25: what a decimal number is a multiple of when its point is left out."""
    digits = format(abs(divisor), ".12f").rstrip("0").replace(".", "").lstrip("0")
    return int(digits or "0")
