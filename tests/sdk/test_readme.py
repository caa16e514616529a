"""Every Python block of the SDK's README runs as it stands, and every command in it is there."""

import subprocess
import sys
from typing import Any

import pytest
import typer.main
from markdown_it import MarkdownIt

from smarter.cli.application import application
from tests.running import ROOT, Tenant

README = ROOT / "sdk" / "README.md"
TOKENS = [token for token in MarkdownIt().parse(README.read_text()) if token.type == "fence"]
FENCES = [(token.info, token.content) for token in TOKENS]
BLOCKS = [
    (token.map[0] + 1 if token.map else 0, token.content)
    for token in TOKENS
    if token.info == "python run"
]
COMMANDS = [line for info, code in FENCES if info == "text" for line in code.splitlines()]


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


def test_every_block_of_python_is_one_that_runs() -> None:
    assert len(BLOCKS) == 7
    assert {info for info, _ in FENCES} == {"python run", "bash", "text"}
    (install,) = (code for info, code in FENCES if info == "bash")
    assert {line.split()[:2] == ["pip", "install"] for line in install.splitlines()} == {True}


@pytest.mark.parametrize("line", COMMANDS)
def test_the_command_is_there_with_its_options(line: str) -> None:
    """What `text` shows of the command line; that it does what it says, its own tests say."""
    words = line.split("  ", maxsplit=1)[0].split()[1:]
    command: Any = typer.main.get_command(application)
    while hasattr(command, "commands") and words:
        command = command.commands[words.pop(0)]
    known = {name for parameter in command.params for name in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known
