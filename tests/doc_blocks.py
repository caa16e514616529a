"""Code blocks of docs/ as the tests run them: what a page shows is what was executed.

A block's language line says how: `python run`, `bash run` and `javascript run` are executed by
`make test`, `bash run openai` (a command that has to be installed) by `make clients`. The output
block after it (`text`) must be what was printed; `…` stands for anything.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from tests.running import ROOT, Tenant

DOCS = ROOT / "docs"
Program = list[str]  # the command, to which the code is appended
PYTHON: Program = [sys.executable, "-c"]
SHELL: Program = ["bash", "-euo", "pipefail", "-c"]


@dataclass(frozen=True)
class Block:
    page: str
    line: int
    info: str
    code: str
    output: str | None

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def run(self, program: Program, tenant: Tenant, folder: Path, path: str = "") -> str:
        """What it prints. `path` goes before the PATH."""
        client = {"OPENAI_BASE_URL": f"{tenant.url}/v1", "OPENAI_API_KEY": tenant.api_key}
        done = subprocess.run(
            [*program, self.code],
            env={**os.environ, **client, "PATH": f"{path}:{os.environ['PATH']}".strip(":")},
            cwd=folder, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{self}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def check(self, printed: str) -> None:
        assert self.output is not None, f"{self}: no output block follows"
        pattern = ".*".join(re.escape(part) for part in self.output.strip().split("…"))
        assert re.fullmatch(pattern, printed.strip(), re.DOTALL), f"{self} printed:\n{printed}"


def blocks(*infos: str) -> list[Block]:
    """Those with one of these language lines, on all pages."""
    return [block for page in pages() for block in _blocks(page) if block.info in infos]


def pages() -> list[Path]:
    return sorted(DOCS.glob("*.md"))


def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text())


def each(*infos: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("block", blocks(*infos), ids=str)


def _blocks(page: Path) -> list[Block]:
    fences = [token for token in tokens(page) if token.type == "fence"]
    made = []
    for fence, after in pairwise([*fences, None]):
        assert fence is not None
        line = fence.map[0] + 1 if fence.map else 0
        output = after.content if after and after.info == "text" else None
        made.append(Block(page.name, line, fence.info, fence.content, output))
    return made
