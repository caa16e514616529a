"""The script that ships is small, and is what its sources say, also where nobody has Node."""

import gzip
import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

from tests.running import ROOT

WIDGET = ROOT / "widget"
SCRIPT = WIDGET / "v1" / "chat.js"
RECORD = json.loads((WIDGET / "v1" / "build.json").read_text())
BUILDER = WIDGET / "node_modules" / "esbuild"
LARGEST = 20 * 1024
"""Bytes, gzipped: what a page pays for the widget."""


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_the_script_is_at_most_twenty_kilobytes_gzipped() -> None:
    assert len(gzip.compress(SCRIPT.read_bytes(), 9)) <= LARGEST


def test_the_script_was_built_from_the_sources_that_lie_beside_it() -> None:
    """Else run `make widget`."""
    found = hashlib.sha256()
    for file in sorted((WIDGET / "src").iterdir()):
        found.update(f"{file.name}\0{digest(file)}\n".encode())
    assert RECORD["sources"] == found.hexdigest()
    assert RECORD["script"] == digest(SCRIPT)


def test_building_again_gives_the_same_bytes(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not BUILDER.exists():  # the hashes above hold without them
        return
    target = tmp_path / "chat.js"
    subprocess.run([node, "build.mjs", str(target)], cwd=WIDGET, check=True, capture_output=True)
    assert target.read_bytes() == SCRIPT.read_bytes()


def test_the_builder_is_pinned_and_its_lock_names_no_host() -> None:
    package = json.loads((WIDGET / "package.json").read_text())
    lock = (WIDGET / "package-lock.json").read_text()
    assert package["devDependencies"] == {"esbuild": RECORD["esbuild"]}
    assert "://" not in lock
    assert f'"esbuild": "{RECORD["esbuild"]}"' in lock


def test_the_version_is_told_the_same_everywhere() -> None:
    version = json.loads((WIDGET / "package.json").read_text())["version"]
    assert f'"{version}"' in (WIDGET / "src" / "version.js").read_text()


def test_the_script_names_no_other_server_and_no_way_to_run_text() -> None:
    text = SCRIPT.read_text()
    hosts = set(re.findall(r"https?://[\w.]+", text)) - {"http://www.w3.org"}
    assert hosts == set()
    sinks = (
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|DOMParser"
    )
    assert re.findall(sinks, text) == []


def test_every_source_begins_by_saying_what_it_is_for() -> None:
    silent = [
        file.name
        for file in sorted((WIDGET / "src").iterdir())
        if not file.read_text().startswith(("// ", "/* "))
    ]
    assert silent == []
