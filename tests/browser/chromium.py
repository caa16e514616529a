"""The Chromium that browser tests drive: the machine's own, or the one named by $CHROMIUM."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from playwright.sync_api import Browser, ViewportSize, expect, sync_playwright

from tests.patience import PATIENCE

NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WIDE: Final = ViewportSize(width=1440, height=900)
PHONE: Final = ViewportSize(width=390, height=844)
NARROW: Final = ViewportSize(width=375, height=812)
MISSING: Final = "No Chromium here: install one, or name it in $CHROMIUM."


def found() -> str | None:
    named = os.environ.get("CHROMIUM")
    return named or next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def driven() -> Iterator[Browser]:
    """A headless browser; root has no sandbox to run it in."""
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=found(), args=options)
        yield browser
        browser.close()
