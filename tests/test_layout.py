"""The shape of the tree: what a newcomer may rely on in every file."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = [
    Path(name) for name in PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
]
LONGEST_FILE = 300
LONGEST_FUNCTION = 30
SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore)\b(?P<rest>.*)")
REASON = re.compile(r"[-#(]\s*\S+ \S+")
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "services.py", "common.py", "signals.py"}


def source_files() -> list[Path]:
    """What git knows or would take in, so that nobody's scratch files count."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def python_files() -> list[Path]:
    return [f for f in source_files() if f.suffix == ".py" and "migrations" not in f.parts]


@pytest.mark.parametrize("suffix", [".py", ".sql", ".html", ".css", ".js"])
def test_no_source_file_is_longer_than_one_sitting(suffix: str) -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in source_files()
        if file.suffix == suffix
        and "migrations" not in file.parts
        and (lines := len(file.read_text().splitlines())) > LONGEST_FILE
    }
    assert long == {}


def test_every_python_file_begins_by_saying_what_it_is_for() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in python_files()
        if file.read_text().strip() and not file.read_text().startswith(('"""', "#!"))
    ]
    assert silent == []


def test_no_function_is_longer_than_a_screen() -> None:
    long = [
        f"{file.relative_to(ROOT)}:{function.lineno} {function.name}"
        for file in python_files()
        for function in _functions(file)
        if _lines_of(function, file.read_text().splitlines()) > LONGEST_FUNCTION
    ]
    assert long == []


def test_every_suppressed_complaint_carries_its_reason() -> None:
    """Beside it, or in a comment right above."""
    bare = [
        f"{file.relative_to(ROOT)}:{number}"
        for file in python_files()
        if file != Path(__file__)
        for number, (above, line) in enumerate(pairwise(["", *file.read_text().splitlines()]), 1)
        if (found := SUPPRESSION.search(line))
        and not REASON.search(found["rest"])
        and not above.strip().startswith("#")
    ]
    assert bare == []


def test_no_file_has_a_name_that_says_nothing() -> None:
    named = [str(file.relative_to(ROOT)) for file in source_files() if file.name in FORBIDDEN_NAMES]
    assert named == []


def test_platform_is_a_source_root_and_never_a_package() -> None:
    assert not (ROOT / "platform" / "__init__.py").exists()


def test_no_package_bears_a_name_of_the_standard_library() -> None:
    inner = [path.name for path in (ROOT / "platform").iterdir() if path.is_dir()]
    clashing = {*inner, *(package.name for package in PACKAGES)} & sys.stdlib_module_names
    assert clashing == set()


def test_the_standard_library_platform_is_found_beside_ours() -> None:
    """From the checkout's root, where a package named `platform` would win."""
    asked = subprocess.run(
        [sys.executable, "-c", "import platform, config; print(platform.system())"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert asked.stdout.strip() in {"Linux", "Darwin"}, asked.stderr


def test_every_package_ships_and_has_its_floor_in_the_tower() -> None:
    on_disk = {
        path.parent.relative_to(ROOT)
        for parent in (ROOT, ROOT / "platform")
        for path in parent.glob("*/__init__.py")
        if path.parent.name not in {"tests", "sdk"}  # the SDK is a distribution of its own
    }
    assert on_disk == set(PACKAGES)
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    tower = next(c for c in contracts if c["name"] == "Apps form one tower")
    floors = {name.strip() for layer in tower["layers"] for name in layer.split("|")}
    assert floors == {package.name for package in PACKAGES}


def test_the_lock_names_versions_and_nothing_of_a_machine() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    odd = [
        line for line in lines if not re.fullmatch(r"[a-z0-9._-]+==[0-9][0-9a-z.]*( ;.*)?", line)
    ]
    assert odd == []
    assert len(lines) > 100


def test_the_lock_holds_every_dependency_that_we_name() -> None:
    project = PYPROJECT["project"]
    named = project["dependencies"] + project["optional-dependencies"]["dev"]
    wanted = {re.sub(r"\[.*\]", "", name).lower() for name in named}
    assert wanted - set((ROOT / "requirements.lock").read_text().splitlines()) == set()


def _functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef, text: list[str]) -> int:
    """Lines of code in the body: without docstring, comments and empty lines."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    lines = text[body[0].lineno - 1 : body[-1].end_lineno]
    return sum(1 for line in lines if line.strip() and not line.strip().startswith("#"))
