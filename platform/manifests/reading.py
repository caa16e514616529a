"""YAML into manifests; whatever is wrong is told with file, line and field."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from api import strict_yaml
from api.errors import InvalidManifest
from api.strict_yaml import Document, Place

API_VERSION: Final = "smarter.sh/v1"
MOST_CHARACTERS, MOST_MANIFESTS, LONGEST_NAME = 4 * 2**20, 200, 255
_TOP: Final = ("apiVersion", "kind", "metadata", "spec", "status")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document: what `spec` asks for of the `kind` called `name`."""

    kind: str
    name: str
    spec: Mapping[str, Any]
    file: str
    document: Document

    def wrong(self, message: str, *place: str | int) -> InvalidManifest:
        """An error at a field of the spec, or at the nearest field around it that is written."""
        return _bad(self.file, self.document.line(("spec", *place)), ("spec", *place), message)

    def misplaced(self, message: str) -> InvalidManifest:
        """An error of its kind."""
        return _bad(self.file, self.document.line(("kind",)), ("kind",), message)

    def misnamed(self, message: str) -> InvalidManifest:
        """An error of its name."""
        place = ("metadata", "name")
        return _bad(self.file, self.document.line(place), place, message)


def manifests(file: str, text: str) -> list[Manifest]:
    """All documents of a file, in order. Raises InvalidManifest."""
    try:
        documents = strict_yaml.documents(text, MOST_CHARACTERS)
    except strict_yaml.NotPlainYaml as error:
        raise _bad(file, error.line, error.place, error.problem) from error
    if not documents:
        raise _bad(file, 1, (), "There is no manifest in it.")
    return [_manifest(file, each) for each in documents]


def _manifest(file: str, document: Document) -> Manifest:
    def bad(message: str, *place: str) -> InvalidManifest:
        return _bad(file, document.line(place), place, message)

    top = document.value
    if not isinstance(top, dict):
        raise bad("A manifest has apiVersion, kind, metadata and spec.")
    if unknown := [name for name in top if name not in _TOP]:
        raise bad(f"Unknown field; there are {', '.join(_TOP)}.", unknown[0])
    if top.get("apiVersion") != API_VERSION:
        raise bad(f"Write apiVersion: {API_VERSION}.", "apiVersion")
    if not isinstance(top.get("kind"), str):
        raise bad("Name a kind, such as Chatbot.", "kind")
    if not _holds_a_name(top.get("metadata")):
        raise bad("metadata holds a name, and nothing else.", "metadata", "name")
    if not isinstance(top.get("spec"), dict):
        raise bad("spec holds fields.", "spec")
    return Manifest(top["kind"], top["metadata"]["name"], top["spec"], file, document)


def _holds_a_name(metadata: object) -> bool:
    match metadata:
        case {"name": str(name), **others}:
            return not others and 0 < len(name) <= LONGEST_NAME
    return False


def _bad(file: str, line: int, place: Place, message: str) -> InvalidManifest:
    where = strict_yaml.written(place)
    told = f"{file}:{line}: {where}: {message}" if where else f"{file}:{line}: {message}"
    return InvalidManifest(told, param=where or None)
