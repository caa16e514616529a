"""The `openai` command of the pages prints what the pages say."""

from pathlib import Path

from tests import doc_blocks
from tests.clients.conftest import INSTALLED
from tests.doc_blocks import Block
from tests.running import Tenant


@doc_blocks.each("bash run openai")
def test_the_commands_of_the_docs_run_as_shown(
    block: Block, tenant: Tenant, tmp_path: Path
) -> None:
    path = str(INSTALLED / "command" / "bin")
    block.check(block.run(doc_blocks.SHELL, tenant, tmp_path, path))
