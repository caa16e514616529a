"""Resources as YAML: `smarter apply -f shop/`, get, describe, delete, manifest, schema."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.syntax import Syntax

from smarter import Smarter
from smarter.cli.credentials import client
from smarter.cli.failures import Refusal
from smarter.cli.output import screen
from smarter.resources.asking import segment

SUFFIXES = {".yaml", ".yml"}
Kind = Annotated[str, typer.Argument(help="Chatbot, APIKey, Price, KnowledgeFile, Webhook …")]
Name = Annotated[str, typer.Argument(help="What metadata.name says.")]


def apply(
    file: Annotated[list[Path], typer.Option("--file", "-f", help="Files, or folders of them.")],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show what would change.")
    ] = False,
) -> None:
    """Makes resources what their manifests say: all of them, or none."""
    files = [{"name": str(each), "text": _text(each)} for each in _manifests(file)]
    with client() as known:
        answer = _ask(known, "POST", "/manifests", {"files": files, "dry_run": dry_run})
    for each in answer["data"]:
        would = "would be " if dry_run and each["action"] != "unchanged" else ""
        screen.out(f"{each['kind']}/{each['name']} {would}{each['action']}", highlight=False)
        if each["diff"]:
            screen.print(Syntax(each["diff"], "diff", background_color="default", word_wrap=True))
        for name, secret in each["secrets"].items():
            screen.out(f"  {name}, not shown again: {secret}", highlight=False)


def get(kind: Kind) -> None:
    """Lists the names of a kind."""
    with client() as known:
        for each in _ask(known, "GET", f"/manifests/{segment(kind)}")["data"]:
            screen.out(each["name"], highlight=False)


def describe(kind: Kind, name: Name) -> None:
    """Prints a resource as the manifest that `apply` takes back."""
    with client() as known:
        found = _ask(known, "GET", f"/manifests/{segment(kind)}/{segment(name)}")
    screen.out(found["yaml"].rstrip(), highlight=False)


def delete(
    kind: Kind, name: Name, yes: Annotated[bool, typer.Option("--yes", "-y")] = False
) -> None:
    """Deletes a resource (an APIKey is revoked)."""
    if not yes:
        typer.confirm(f"Delete {kind}/{name}?", abort=True)
    with client() as known:
        _ask(known, "DELETE", f"/manifests/{segment(kind)}/{segment(name)}")
    screen.out(f"{kind}/{name} deleted", highlight=False)


def manifest(kind: Kind) -> None:
    """Prints an example to begin with."""
    with client() as known:
        found = _ask(known, "GET", f"/manifest_kinds/{segment(kind)}")
    screen.out(found["example"].rstrip(), highlight=False)


def schema(kind: Kind) -> None:
    """Prints the JSON Schema of a kind's spec, for editors."""
    with client() as known:
        found = _ask(known, "GET", f"/manifest_kinds/{segment(kind)}")
    screen.out(json.dumps(found["schema"], indent=2), highlight=False)


def _ask(known: Smarter, method: str, path: str, body: Any = None) -> dict[str, Any]:
    if method == "GET":
        answer: object = known.get(path, cast_to=object)
    elif method == "DELETE":
        answer = known.delete(path, cast_to=object)
    else:
        answer = known.post(path, cast_to=object, body=body)
    assert isinstance(answer, dict)  # noqa: S101 - every answer of the API is an object
    return answer  # pyright: ignore[reportUnknownVariableType] # JSON has no types


def _manifests(given: list[Path]) -> Iterator[Path]:
    for path in given:
        if path.is_dir():
            found = sorted(each for each in path.rglob("*") if each.suffix in SUFFIXES)
            if not found:
                raise Refusal(f"{path} holds no .yaml file.")
            yield from found
        elif path.is_file():
            yield path
        else:
            raise Refusal(f"{path} is neither a file nor a folder.")


def _text(path: Path) -> str:
    """The file, with `contentFrom: guide.pdf` replaced by what that file beside it holds."""
    lines = path.read_text().splitlines(keepends=True)
    return "".join(_inlined(path.parent, line) for line in lines)


def _inlined(folder: Path, line: str) -> str:
    before, found, name = line.rstrip("\r\n").partition("contentFrom:")
    if not found or before.strip():
        return line
    source = folder / name.strip().strip("'\"")
    if not source.is_file():
        raise Refusal(f"{source} (contentFrom) is no file.")
    return f"{before}content: {base64.b64encode(source.read_bytes()).decode()}\n"


def add_to(application: typer.Typer) -> None:
    for command in (apply, get, describe, delete, manifest, schema):
        application.command()(command)
