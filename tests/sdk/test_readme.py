"""Every Python block of the SDK's README runs as it stands."""

import subprocess
import sys

import pytest
from markdown_it import MarkdownIt

from tests.running import ROOT, Tenant

README = ROOT / "sdk" / "README.md"
BLOCKS = [
    (token.map[0] + 1 if token.map else 0, token.content)
    for token in MarkdownIt().parse(README.read_text())
    if token.type == "fence" and token.info == "python run"
]


@pytest.mark.usefixtures("at_the_server")
@pytest.mark.parametrize("code", [pytest.param(code, id=f"line {at}") for at, code in BLOCKS])
def test_the_block_runs_and_prints(code: str, reader: Tenant) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "-c", code],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert reader.api_key not in done.stdout


def test_the_readme_has_its_blocks() -> None:
    assert len(BLOCKS) == 7
