"""A chatbot's configuration as a YAML file, and back; what is wrong is named with its line."""

from typing import Any, Final

import yaml
from pydantic import ValidationError

from api.errors import InvalidRequest
from chatbots.configuration import Configuration
from inference.schemas.refusals import refusal

LARGEST: Final = 256 * 1024  # characters
DEEPEST: Final = 20
HEAD: Final = "# A chatbot of Smarter: import it with POST /v1/chatbots/{name}/import.\n"
Place = tuple[str | int, ...]


def written(configuration: Configuration) -> str:
    return HEAD + yaml.dump(
        configuration.stored(), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=88
    )


def read(text: str) -> Configuration:
    """Raises InvalidRequest: `line 12: Invalid 'limits.messages': …`."""
    if len(text) > LARGEST:
        raise InvalidRequest(f"A chatbot's file has at most {LARGEST:,} characters.")
    node = _parsed(text)
    lines: dict[Place, int] = {}
    value = _value(node, (), lines)
    if not isinstance(value, dict):
        raise InvalidRequest("line 1: the file should hold fields, as an export does.")
    try:
        return Configuration.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        refused = refusal(first)
        refused.message = f"line {_line(first['loc'], lines)}: {refused.message}"
        raise refused from None


def _parsed(text: str) -> yaml.Node | None:
    """The tree as it stands: nothing in it is looked up, called or repeated."""
    try:
        for token in yaml.scan(text, Loader=yaml.SafeLoader):
            if isinstance(token, yaml.AliasToken):
                raise _at(token.start_mark, "'*' is no value here; write it out")
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _at(error.problem_mark or error.context_mark, error.problem or "not YAML") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise InvalidRequest(f"This is not YAML: {str(error)[:200]}") from None


def _at(mark: Any, problem: str) -> InvalidRequest:
    line = mark.line + 1 if mark else 1
    return InvalidRequest(f"line {line}: {problem}.", code="invalid_yaml")


def _value(node: yaml.Node | None, place: Place, lines: dict[Place, int]) -> Any:
    if node is None:
        return None
    lines[place] = node.start_mark.line + 1
    if len(place) > DEEPEST:
        raise _at(node.start_mark, "nested too deeply")
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, place, lines)
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, (*place, at), lines) for at, each in enumerate(node.value)]
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (yaml.YAMLError, ValueError):
        raise _at(node.start_mark, "this value cannot be read; put it in quotes") from None


def _mapping(node: yaml.MappingNode, place: Place, lines: dict[Place, int]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for key, value in node.value:
        name = key.value if isinstance(key, yaml.ScalarNode) else ""
        if not name or name in fields:
            raise _at(key.start_mark, f"the field '{name[:64]}' stands here twice or has no name")
        fields[name] = _value(value, (*place, name), lines)
        lines[*place, name] = key.start_mark.line + 1
    return fields


def _line(place: Place, lines: dict[Place, int]) -> int:
    """Of what is wrong, else of the nearest thing around it."""
    known = tuple(step for step in place if not (isinstance(step, str) and step.startswith("(")))
    while known and known not in lines:
        known = known[:-1]
    return lines.get(known, 1)


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as blocks, which people read and change."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
