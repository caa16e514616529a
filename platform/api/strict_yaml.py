"""YAML from strangers, read strictly: bounded, plain, each value with the line it stands on.

Plain is what JSON can say as well: no anchors (a few lines of them can stand for gigabytes), no
tags, no name twice, no dates, no NUL. Sizes and depths are seen on the events, before any tree is
made; libyaml reads, so that the largest text costs about a second.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import yaml
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from api import numbers

DEEPEST: Final = 32
MOST_EVENTS: Final = 200_000
Place = tuple[str | int, ...]
"""Where a value stands: `("spec", "scopes", 0)`."""

_TAG: Final = "tag:yaml.org,2002:"
_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")
_Read = Callable[[ScalarNode], object]
PROBLEMS: Final = (  # what libyaml says most often, in English; a page says these to its reader
    gettext_noop("mapping values are not allowed in this context"),
    gettext_noop("could not find expected ':'"),
    gettext_noop("did not find expected key"),
    gettext_noop("did not find expected ',' or ']'"),
    gettext_noop("did not find expected ',' or '}'"),
    gettext_noop("did not find expected '-' indicator"),
    gettext_noop("did not find expected node content"),
    gettext_noop("found character that cannot start any token"),
    gettext_noop("found unexpected end of stream"),
    gettext_noop("found a tab character where an indentation space is expected"),
)


class NotPlainYaml(Exception):
    """`problem` is a sentence; `line` counts from 1."""

    def __init__(self, line: int, problem: str, place: Place = ()) -> None:
        where = _("line %(number)d") % {"number": line}
        super().__init__(": ".join(filter(None, (where, written(place), problem))))
        self.line, self.problem, self.place = line, problem, place


def written(place: Place) -> str:
    """As people name a field: `spec.scopes.0`."""
    return ".".join(map(str, place))


@dataclass(frozen=True, slots=True)
class Document:
    """A value of plain data, and the lines of all that is in it."""

    value: Any
    lines: Mapping[Place, int]

    def line(self, place: Place) -> int:
        """Of what stands there, else of the nearest thing around it."""
        around = (place[:length] for length in range(len(place), -1, -1))
        return next(self.lines[each] for each in around if each in self.lines)


def documents(text: str, most_characters: int) -> list[Document]:
    """All documents of a text, in order. Raises NotPlainYaml."""
    if len(text) > most_characters:
        said = _("This has more than %(most)s characters.")
        raise NotPlainYaml(1, said % {"most": numbers.written(most_characters)})
    try:
        _check_events(text)
        return [_document(node) for node in yaml.compose_all(text, Loader=yaml.CSafeLoader)]
    except yaml.MarkedYAMLError as error:
        mark, last = error.problem_mark or error.context_mark, len(text.splitlines())
        line = min(mark.line + 1, last) if mark else 1  # its end of the text is a line too far
        raise NotPlainYaml(line, _no_yaml(str(error.problem))) from error
    except yaml.YAMLError as error:
        raise NotPlainYaml(1, _no_yaml(str(error).splitlines()[0])) from error


def _no_yaml(problem: str) -> str:
    return _("No YAML: %(problem)s.") % {"problem": _(problem)}


def _check_events(text: str) -> None:
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.CSafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise NotPlainYaml(line, _("Anchors and aliases are refused. Write it out."))
        if depth > DEEPEST:
            said = _("Nested deeper than %(most)d levels.")
            raise NotPlainYaml(line, said % {"most": DEEPEST})
        if count > MOST_EVENTS:
            raise NotPlainYaml(line, _("There is too much in one file."))


def _document(root: Node) -> Document:
    lines: dict[Place, int] = {}
    return Document(_value(root, (), lines), lines)


def _value(node: Node, place: Place, lines: dict[Place, int]) -> Any:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, ScalarNode):
        return _scalar(node, place)
    if node.tag not in {f"{_TAG}map", f"{_TAG}seq"}:
        raise _refused(node, place)
    if isinstance(node, SequenceNode):
        return [_value(each, (*place, at), lines) for at, each in enumerate(node.value)]
    fields: dict[str, Any] = {}
    for key, value in cast(MappingNode, node).value:
        if not isinstance(key, ScalarNode):
            raise NotPlainYaml(key.start_mark.line + 1, _("A field's name is a text."), place)
        inner = (*place, _text(key, place))
        lines[inner] = key.start_mark.line + 1
        if key.value in fields:
            raise NotPlainYaml(lines[inner], _("This field is written twice."), inner)
        fields[key.value] = _value(value, inner, lines)
    return fields


def _scalar(node: ScalarNode, place: Place) -> object:
    """Texts, numbers, true, false and null; a date stays the text that it is written as."""
    if node.tag in {f"{_TAG}str", f"{_TAG}timestamp"}:
        return _text(node, place)
    if node.tag not in _READ:
        raise _refused(node, place)
    try:
        value = _READ[node.tag](node)
    except (ValueError, KeyError):  # `!!int x`, `!!bool x`, or more digits than a number may have
        raise _unreadable(node, place) from None
    if isinstance(value, float) and not math.isfinite(value):
        raise _unreadable(node, place)
    return value


def _text(node: ScalarNode, place: Place) -> str:
    text: str = node.value
    if _UNSTORABLE.search(text):
        raise _unreadable(node, place)
    return text


def _unreadable(node: Node, place: Place) -> NotPlainYaml:
    problem = _("This value cannot be read; a text stands in quotes.")
    return NotPlainYaml(node.start_mark.line + 1, problem, place)


def _refused(node: Node, place: Place) -> NotPlainYaml:
    problem = _("The tag %(tag)s is refused.") % {"tag": node.tag}
    return NotPlainYaml(node.start_mark.line + 1, problem, place)


_plain = SafeConstructor()
_READ: Final[dict[str, _Read]] = {
    f"{_TAG}int": _plain.construct_yaml_int,
    f"{_TAG}float": _plain.construct_yaml_float,
    f"{_TAG}bool": _plain.construct_yaml_bool,
    f"{_TAG}null": _plain.construct_yaml_null,
}
