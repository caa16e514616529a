"""The JavaScript of the pages, with the plain openai package for Node, prints what they say."""

import subprocess

import pytest

from dashboard.pages import docs
from tests import doc_blocks
from tests.doc_blocks import Block
from tests.running import ROOT, Tenant

PLACE = ROOT / ".clients/node"  # Node looks for packages where it runs
PROGRAM = [str(PLACE / "node"), "--input-type=module", "--eval"]
installed = pytest.mark.skipif(
    not (PLACE / "installed").exists(),
    reason="openai-node is not there; `make test` installs it where npm's registry is reached",
)


@installed
@doc_blocks.each("javascript run")
def test_the_javascript_of_the_docs_runs_as_shown(block: Block, reader: Tenant) -> None:
    block.check(block.run(PROGRAM, reader, PLACE))


@installed
def test_the_first_call_in_javascript_runs_as_the_dashboard_shows_it(reader: Tenant) -> None:
    own = {"base": reader.url, "key": reader.api_key, "model": "smarter-mini"}
    command = [*PROGRAM, docs.QUICKSTART["JavaScript"].format(**own)]
    done = subprocess.run(
        command, cwd=PLACE, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_the_docs_have_javascript() -> None:
    assert len(doc_blocks.blocks("javascript run")) == 2
