"""What `pip install smarter-api` brings: both packages, typed and whole, and what they ask for."""

import subprocess
import sys
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

from tests.running import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT / "sdk", check=True, capture_output=True)
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as opened:
        (name,) = (each for each in opened.namelist() if each.endswith("/METADATA"))
        return message_from_bytes(opened.read(name))


def test_it_holds_both_packages_with_their_types_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {"smarter/py.typed", "beezy_ai/py.typed", "smarter/cli/__init__.py"} <= set(names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"smarter", "beezy_ai"}


def test_the_library_asks_for_the_transport_and_httpx_the_command_for_more(
    metadata: Message,
) -> None:
    asked = metadata.get_all("Requires-Dist") or []
    own = [each for each in asked if "extra ==" not in each]
    assert [each.split("<")[0].split(">")[0] for each in own] == ["httpx", "openai"]
    assert [each for each in own if each.startswith("openai")] == ["openai<4,>=3.52"]
    more = {each.split("<")[0].split(">")[0] for each in asked} - {"httpx", "openai"}
    assert more == {"typer", "rich", "pyyaml"}
    assert metadata["Requires-Python"] == ">=3.10"


def test_it_is_imported_at_once_and_without_what_the_command_needs(wheel: Path) -> None:
    """Beside its transport: that takes most of the second, and httpx looks for rich by itself."""
    program = (
        "import sys, time, openai, httpx; began, known = time.process_time(), set(sys.modules);"
        "import smarter, beezy_ai; print(time.process_time() - began, smarter.__file__,"
        "{'rich', 'typer'} & (set(sys.modules) - known))"
    )
    command = [sys.executable, "-c", program]
    told = subprocess.run(
        command, env={"PYTHONPATH": str(wheel)}, capture_output=True, text=True, check=True
    ).stdout.split()
    assert float(told[0]) < 0.3
    assert told[1].startswith(str(wheel))
    assert told[2] == "set()"
