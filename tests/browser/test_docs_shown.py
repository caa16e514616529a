"""The first call as the docs page shows it: copied, given its whole key, and run."""

import re
import subprocess
import sys

import pytest
from playwright.sync_api import Browser

from tests.browser.pages import Visitor

COMMANDS = {"curl": ["bash", "-euo", "pipefail", "-c"], "Python": [sys.executable, "-c"]}
"""JavaScript needs a package of Node: tests/clients runs it."""


@pytest.mark.parametrize("language", COMMANDS)
def test_the_first_call_runs_as_it_is_shown(
    browser: Browser, owner: Visitor, language: str
) -> None:
    context = owner.context(browser)
    page = owner.open(context, "docs")
    shown = page.locator(f"pre[aria-label={language}] code").inner_text()
    context.close()
    own = re.search(r"sk-\w+…\w+", shown)  # how a key of the reader begins and ends
    assert own is not None
    program = shown.replace(own[0], owner.api_key)
    done = subprocess.run(
        [*COMMANDS[language], program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stdout
    assert done.stdout.strip()
