"""YAML into manifests, each field with the line it stands on.

Only plain YAML: no anchors (a few lines of them can stand for gigabytes), no tags, no duplicate
names. Whatever is wrong is told with file, line and field.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from api.errors import InvalidManifest

API_VERSION: Final = "smarter.sh/v1"
MOST_BYTES, MOST_MANIFESTS, DEEPEST, LONGEST_NAME = 4 * 2**20, 200, 32, 255
_MOST_EVENTS: Final = 200_000
_TOP: Final = {"apiVersion", "kind", "metadata", "spec", "status"}

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document: what `spec` asks for of the `kind` called `name`."""

    kind: str
    name: str
    spec: Mapping[str, Any]
    file: str = "manifest"
    lines: Mapping[Path, int] = field(default_factory=dict)
    dry_run: bool = False

    def wrong(self, message: str, *path: str | int) -> InvalidManifest:
        """An error at a field of the spec, or at the nearest field around it that is written."""
        return self._bad(("spec", *path), message)

    def misnamed(self, message: str) -> InvalidManifest:
        """An error of its name."""
        return self._bad(("metadata", "name"), message)

    def _bad(self, full: Path, message: str) -> InvalidManifest:
        written = next((full[:n] for n in range(len(full), 0, -1) if full[:n] in self.lines), ())
        return _bad(self.file, self.lines.get(written, 1), full, message)


def manifests(file: str, text: str) -> list[Manifest]:
    """All documents of a file, in order. Raises InvalidManifest."""
    if len(text.encode()) > MOST_BYTES:
        raise _bad(file, 1, (), f"A file has up to {MOST_BYTES // 2**20} MiB.")
    found = [_manifest(file, node) for node in _documents(file, text)]
    if not found:
        raise _bad(file, 1, (), "There is no manifest in it.")
    return found


def _documents(file: str, text: str) -> Iterator[Node]:
    try:
        for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                raise _bad(file, _line(event.start_mark), (), "Anchors and aliases are refused.")
            if count > _MOST_EVENTS:
                raise _bad(file, _line(event.start_mark), (), "There is too much in one file.")
        documents = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "This is no YAML."
        raise _bad(file, _line(mark), (), f"No YAML: {problem}.") from error
    if len(documents) > MOST_MANIFESTS:
        raise _bad(file, 1, (), f"A file has up to {MOST_MANIFESTS} manifests.")
    return iter(documents)


def _manifest(file: str, node: Node) -> Manifest:
    lines: dict[Path, int] = {}
    document = _value(file, node, (), lines)
    first = node.start_mark.line + 1
    if not isinstance(document, dict):
        raise _bad(file, first, (), "A manifest has apiVersion, kind, metadata and spec.")
    for name in document:
        if name not in _TOP:
            known = ", ".join(sorted(_TOP))
            raise _bad(file, lines[name,], (name,), f"Unknown field; there are {known}.")
    if document.get("apiVersion") != API_VERSION:
        line = lines.get(("apiVersion",), first)
        raise _bad(file, line, ("apiVersion",), f"Write apiVersion: {API_VERSION}.")
    metadata, spec = document.get("metadata"), document.get("spec")
    if not isinstance(document.get("kind"), str):
        raise _bad(file, lines.get(("kind",), first), ("kind",), "Name a kind, such as Chatbot.")
    if not isinstance(metadata, dict) or set(metadata) - {"name"} or not _is_name(metadata):
        line = lines.get(("metadata",), first)
        raise _bad(file, line, ("metadata", "name"), "metadata holds a name, and nothing else.")
    if not isinstance(spec, dict):
        raise _bad(file, lines.get(("spec",), first), ("spec",), "spec holds fields.")
    return Manifest(document["kind"], metadata["name"], spec, file, lines)


def _is_name(metadata: Mapping[str, Any]) -> bool:
    name = metadata.get("name")
    return isinstance(name, str) and 0 < len(name) <= LONGEST_NAME and "\0" not in name


def _value(file: str, node: Node, path: Path, lines: dict[Path, int]) -> Any:
    """A node as plain data; `lines` learns where each field stands."""
    lines[path] = node.start_mark.line + 1
    if len(path) > DEEPEST:
        raise _bad(file, lines[path], path, f"Nested deeper than {DEEPEST} levels.")
    if isinstance(node, MappingNode):
        return _mapping(file, node, path, lines)
    if isinstance(node, SequenceNode):
        return [_value(file, each, (*path, i), lines) for i, each in enumerate(node.value)]
    assert isinstance(node, ScalarNode)  # noqa: S101 - there are three kinds of nodes
    return _scalar(file, node, path)


def _mapping(file: str, node: MappingNode, path: Path, lines: dict[Path, int]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, inner in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, ScalarNode):
            raise _bad(file, line, path, "A field's name is a text.")
        if key.value in made:
            raise _bad(file, line, (*path, key.value), "This field is written twice.")
        made[key.value] = _value(file, inner, (*path, key.value), lines)
        lines[*path, key.value] = line
    return made


def _scalar(file: str, node: ScalarNode, path: Path) -> Any:
    """Texts, numbers, true, false and null; a date stays the text that it is written as."""
    plain = {"str": str, "timestamp": str}
    kind = node.tag.rpartition(":")[2]
    if kind in plain:
        return node.value
    if kind not in {"int", "float", "bool", "null"} or "!" in node.tag[1:]:
        raise _bad(file, node.start_mark.line + 1, path, f"The tag {node.tag} is refused.")
    return yaml.SafeLoader("").construct_object(node)


def _line(mark: Any) -> int:
    return 1 if mark is None else int(mark.line) + 1


def _bad(file: str, line: int, path: Path, message: str) -> InvalidManifest:
    where = ".".join(map(str, path))
    told = f"{file}:{line}: {where}: {message}" if where else f"{file}:{line}: {message}"
    return InvalidManifest(told, param=where or None)
