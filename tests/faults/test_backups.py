"""The commands of docs/deploying.md bring everything back, and the book agrees with itself."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.faults.processes import money
from tests.running import MANAGE, ROOT, Server

PAGE = (ROOT / "docs/deploying.md").read_text().partition("## Backups")[2]
BLOCKS = PAGE.split("```\n")[1::2]


def told(data: Path, folder: Path) -> list[str]:
    """The page's two roads, there and back, for this data folder and these files."""
    python = f"SMARTER_DATA={data} {sys.executable}"
    return [
        block.replace(".venv/bin/python", python)
        .replace("manage.py", str(ROOT / "manage.py"))
        .replace(" var", f" {data}")
        .replace("database.dump", str(folder / "database.dump"))
        .replace("data.tar.gz", str(folder / "data.tar.gz"))
        for block in BLOCKS[:2]
    ]


def run(commands: str) -> str:
    known = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        ["bash", "-c", f"set -e\n{commands}"],
        env=known, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_was_saved_while_it_ran_comes_back_to_the_nano_dollar(
    fire: Server, tmp_path: Path
) -> None:
    tenant = fire.tenant("Saved", credit="1.00")
    with tenant.http() as http:
        made = http.post(
            "/v1/files", files={"file": ("a.txt", b"kept")}, data={"purpose": "user_data"}
        )
        body = {"model": "scripted", "messages": [{"role": "user", "content": "#words=7"}]}
        assert http.post("/v1/chat/completions", json=body).status_code == 200
    assert made.status_code == 200, made.text
    left = tenant.balance_nano()

    run(told(fire.data, tmp_path)[0])
    back = told(tmp_path / "back", tmp_path)[1]
    before_the_end, end, _make_run = back.partition("kill %1")
    audit = f"SMARTER_DATA={tmp_path / 'back'} {sys.executable} {MANAGE} ledger audit --json\n"
    said = run(f"{before_the_end}{audit}{end} && wait %1 || true\n")

    assert set(json.loads(said.splitlines()[-1]).values()) == {0}
    assert money(tmp_path / "back")[tenant.organisation] == (left, 0)
    kept = [file for file in (tmp_path / "back/files").rglob("*") if file.is_file()]
    assert b"kept" in [file.read_bytes() for file in kept]
