"""A small value that a JSON schema allows, filled from the words of a prompt."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from inference.engines.base import InvalidGeneration
from inference.engines.scripted.hints import Hints

MAX_DEPTH: Final = 32
FORMATS: Final = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "123e4567-e89b-42d3-a456-426614174000",
}
SIGNS: Final = {  # of schemas that do not say their type
    "properties": "object",
    "required": "object",
    "items": "array",
    "prefixItems": "array",
    "minimum": "number",
    "maximum": "number",
}


def instance(schema: Mapping[str, Any], hints: Hints, param: str) -> Any:
    """Raises InvalidGeneration, which names `param`, where this engine knows no such value."""
    if not schema:
        return any_object(hints)
    return _Instance(schema, hints, param).value(schema)


def any_object(hints: Hints) -> dict[str, str]:
    """With the keys that the prompt quotes, if it speaks of keys."""
    keys = hints.quoted if "key" in hints.text else ["text"]
    return dict.fromkeys(keys or ["text"], hints.text)


class _Instance:
    def __init__(self, root: Mapping[str, Any], hints: Hints, param: str) -> None:
        self.root = root
        self.hints = hints
        self.param = param

    def value(self, schema: Any, name: str = "", depth: int = 0) -> Any:
        if not isinstance(schema, Mapping):  # true: anything
            return self.hints.text
        if depth > MAX_DEPTH:
            raise self._refusal("it never ends")
        if options := schema.get("enum") or [schema[key] for key in ("const",) if key in schema]:
            return next(filter(self.hints.mentions, options), options[0])
        if more := self._elsewhere(schema):
            return self.value(more, name, depth + 1)
        kind = _type(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        return self._scalar(schema, kind, name)

    def _scalar(self, schema: Mapping[str, Any], kind: str, name: str) -> Any:
        match kind:
            case "integer" | "number":
                return self._number(schema, name, whole=kind == "integer")
            case "boolean":
                return True
            case "null":
                return None
        return self._string(schema, name)

    def _elsewhere(self, schema: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The schema that says more: one referred to, one of several, or several at once."""
        if "$ref" in schema:
            return self._referred(schema["$ref"])
        for key in ("anyOf", "oneOf"):
            if key in schema:
                others = {k: v for k, v in schema.items() if k != key}
                options = [one for one in schema[key] if one != {"type": "null"}]
                return {**others, **(options or schema[key])[0]}
        if "allOf" in schema:
            return self._together(schema)
        return None

    def _referred(self, target: str) -> Mapping[str, Any]:
        found: Any = self.root
        for step in target.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or key not in found:
                raise self._refusal(f"'{target}' leads nowhere")
            found = found[key]
        return found if isinstance(found, Mapping) else {}

    def _together(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            whole = self._referred(part["$ref"]) if "$ref" in part else part
            for key, value in whole.items():
                if key == "properties":
                    merged[key] = {**merged.get(key, {}), **value}
                elif key == "required":
                    merged[key] = [*merged.get(key, []), *value]
                else:
                    merged[key] = value
        return merged

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        """What is required; everything where nothing is."""
        properties = schema.get("properties", {})
        names = schema.get("required") or properties
        return {
            name: self.value(properties.get(name, True), name, depth + 1)
            for name in dict.fromkeys(names)
        }

    def _array(self, schema: Mapping[str, Any], name: str, depth: int) -> list[Any]:
        first: Sequence[Any] = schema.get("prefixItems", [])
        wanted = max(schema.get("minItems", 1), len(first))
        number = min(wanted, schema.get("maxItems", wanted))
        items = schema.get("items", True)
        return [
            self.value(first[i] if i < len(first) else items, name, depth + 1)
            for i in range(number)
        ]

    def _number(self, schema: Mapping[str, Any], name: str, *, whole: bool) -> float:
        step = schema.get("multipleOf", 1 if whole else 0)
        least = schema.get("minimum", schema.get("exclusiveMinimum", -float("inf")))
        most = schema.get("maximum", schema.get("exclusiveMaximum", float("inf")))
        least += (step or 0.5) if "exclusiveMinimum" in schema else 0
        most -= (step or 0.5) if "exclusiveMaximum" in schema else 0
        value = min(max(self.hints.number(name), least), most)
        if step:
            value = -(-value // step) * step if value <= least else value // step * step
        return int(value) if whole or value == int(value) else value

    def _string(self, schema: Mapping[str, Any], name: str) -> str:
        if known := FORMATS.get(str(schema.get("format"))):
            return known
        if "pattern" in schema:
            return self._matching(schema["pattern"])
        text = self.hints.string(name)
        least, most = int(schema.get("minLength", 0)), schema.get("maxLength")
        return text.ljust(least, ".")[:most]

    def _matching(self, pattern: str) -> str:
        words: list[str] = re.findall(r"[\w.@-]+", self.hints.text)
        for word in (*words, self.hints.text, *FORMATS.values(), "A1", "a", "AB", "1234", "12345"):
            if re.search(pattern, word):
                return word
        raise self._refusal(f"the prompt has no word that matches '{pattern[:100]}'")

    def _refusal(self, why: str) -> InvalidGeneration:
        return InvalidGeneration(
            f"The scripted engine has no value for this schema: {why}.", self.param
        )


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        return str(next((one for one in kind if one != "null"), "null"))
    if kind is not None:
        return str(kind)
    return next((kind for sign, kind in SIGNS.items() if sign in schema), "string")
