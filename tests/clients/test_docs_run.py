"""The JavaScript and the `openai` command of the pages print what the pages say."""

import subprocess
from pathlib import Path

from dashboard.pages import docs
from tests import doc_blocks
from tests.clients.conftest import INSTALLED
from tests.doc_blocks import Block
from tests.running import Tenant


@doc_blocks.each("javascript run")
def test_the_javascript_of_the_docs_runs_as_shown(block: Block, tenant: Tenant) -> None:
    node = INSTALLED / "node"  # where its packages are
    program = [str(node / "node"), "--input-type=module", "--eval"]
    block.check(block.run(program, tenant, node))


@doc_blocks.each("bash run openai")
def test_the_commands_of_the_docs_run_as_shown(
    block: Block, tenant: Tenant, tmp_path: Path
) -> None:
    path = str(INSTALLED / "command" / "bin")
    block.check(block.run(doc_blocks.SHELL, tenant, tmp_path, path))


def test_the_first_call_in_javascript_runs_as_the_dashboard_shows_it(tenant: Tenant) -> None:
    own = {"base": tenant.url, "key": tenant.api_key, "model": "scripted"}
    code = docs.QUICKSTART["JavaScript"].format(**own)
    node = INSTALLED / "node"
    command = [str(node / "node"), "--input-type=module", "--eval", code]
    done = subprocess.run(
        command, cwd=node, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
