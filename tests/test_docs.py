"""The pages are complete and true: links lead somewhere, settings exist, every error is told."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from markdown_it.token import Token

from api import errors
from dashboard import guides
from tests import doc_blocks
from tests.running import ROOT
from tests.test_layout import PACKAGES, source_files

PAGES = [file for file in source_files() if file.suffix == ".md"]
OF_OTHERS = (
    *("OPENAI_", "AZURE_", "SMARTER_API_KEY", "SMARTER_BASE_URL", "SMARTER_LOG"),
    *("CUDA_VISIBLE_DEVICES", "NUMBA_", "OMP_", "TRITON_"),
)
"""Variables that clients and libraries read, not this server."""
MARKED = {"python run", "bash run", "bash run openai", "javascript run"}
PLAIN = {"", "bash", "text", "json"}
KINDS = {
    name: kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, errors.ApiError)
}


def source() -> Iterator[Path]:
    return (file for package in PACKAGES for file in (ROOT / package).rglob("*.py"))


def children(page: Path, kind: str) -> list[Token]:
    inlines = [token for token in doc_blocks.tokens(page) if token.type == "inline"]
    return [child for inline in inlines for child in inline.children or () if child.type == kind]


def anchors(page: Path) -> set[str]:
    tokens = doc_blocks.tokens(page)
    return {
        guides.anchor(tokens[at + 1].content)
        for at, token in enumerate(tokens)
        if token.type == "heading_open"
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_between_pages_leads_somewhere(page: Path) -> None:
    links = [str(token.attrs["href"]) for token in children(page, "link_open")]
    links += [str(token.attrs["src"]) for token in children(page, "image")]
    dead = []
    for link in links:
        if re.match(r"[a-z]+:", link):
            continue
        name, _mark, place = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (place and place not in anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_environment_variable_that_a_page_names_is_read(page: Path) -> None:
    code = [token.content for token in children(page, "code_inline")]
    code += [token.content for token in doc_blocks.tokens(page) if token.type == "fence"]
    names = set(re.findall(r"(?<![\w.])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w(])", "\n".join(code)))
    read = {name for file in source() for name in re.findall(r'"([A-Z0-9_]+)"', file.read_text())}
    read |= set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "compose.yaml").read_text()))
    ours = {name for name in names if not name.startswith(OF_OTHERS)}
    assert ours - read == set()


@pytest.mark.parametrize("page", doc_blocks.pages(), ids=lambda page: page.name)
def test_every_code_block_says_whether_it_is_executed(page: Path) -> None:
    infos = {token.info for token in doc_blocks.tokens(page) if token.type == "fence"}
    odd = {info for info in infos - MARKED - PLAIN if info.partition(" ")[2] != "shown"}
    assert odd == set()


def test_the_page_of_sdks_names_the_versions_that_are_tested() -> None:
    named = {"openai", "litellm", "llm", "instructor", "pydantic-ai-slim"}
    locks = (ROOT / "tests/clients").glob("*.lock")
    pins = [line.split("==") for lock in locks for line in lock.read_text().splitlines()]
    node = json.loads((ROOT / "tests/clients/package.json").read_text())["dependencies"]
    versions = {version for name, version in pins if name in named} | set(node.values())
    page = (ROOT / "docs/sdks.md").read_text()
    assert {version for version in versions if version not in page} == set()
    assert len(versions) == 8


def test_the_page_of_errors_has_every_status_and_code_and_no_other() -> None:
    table = re.findall(
        r"^\| (\d{3}) \| `?(\w+)`? \| [^|]+ \| [^|]+ \|$",
        (ROOT / "docs/errors.md").read_text(),
        re.MULTILINE,
    )
    told = {(int(status), None if code == "null" else code) for status, code in table}
    assert len(table) == len(told), "a row stands there twice"
    real = in_the_tree() | raised()
    assert told - real == set(), "no such error any more: take the row out of docs/errors.md"
    assert real - told == set(), "add a row to docs/errors.md"


def test_a_code_that_is_put_together_is_seen_too() -> None:
    """The reader of code below is itself read: these three are spelled in three ways."""
    found = {code for _status, code in raised()}
    assert {"wrong_host", "unknown_parameter", "invalid_type"} <= found


def in_the_tree() -> set[tuple[int, str | None]]:
    return {(kind.status, kind.code) for kind in KINDS.values()} - {(500, None)}


def raised() -> set[tuple[int, str | None]]:
    """What the source gives as `code=` where it makes an error."""
    found: set[tuple[int, str | None]] = set()
    for file in source():
        module = ast.parse(file.read_text())
        for call in ast.walk(module):
            if isinstance(call, ast.Call) and (kind := KINDS.get(_name(call.func))):
                given = [keyword.value for keyword in call.keywords if keyword.arg == "code"]
                found |= {(kind.status, code) for value in given for code in values(value, module)}
    return found


def values(expression: ast.expr, module: ast.Module) -> Iterator[str]:
    """Every text that `expression` can be."""
    match expression:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=one, orelse=other):
            yield from (*values(one, module), *values(other, module))
        case ast.Call(func=ast.Attribute(value=table, attr="get"), args=[_, default]):
            yield from (*values(table, module), *values(default, module))
        case ast.Dict(values=members):
            yield from (text for member in members for text in values(member, module))
        case ast.Name(id=name):
            given = [value for value in _assigned(name, module) if value]
            assert given, (
                f"`code={name}`: give the code as text, so that docs/errors.md can be checked"
            )
            yield from (text for value in given for text in values(value, module))
        case _:
            raise AssertionError(f"`code={ast.unparse(expression)}`: as above")


def _assigned(name: str, module: ast.Module) -> Iterator[ast.expr | None]:
    """What stands behind `name = …`, also in `name, other = …, …`."""
    for node in ast.walk(module):
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                yield value
            case ast.AnnAssign(target=ast.Name(id=target), value=value) if target == name:
                yield value
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=given)):
                yield from (v for t, v in zip(targets, given, strict=True) if _name(t) == name)


def _name(expression: ast.expr) -> str:
    """`errors.InvalidRequest` and `InvalidRequest` → `InvalidRequest`."""
    return ast.unparse(expression).rpartition(".")[2]
