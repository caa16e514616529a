"""Other people's files are as their packages have them, and nothing is fetched from elsewhere."""

import base64
import hashlib
import json
import re
from pathlib import Path

from django.conf import settings

VENDOR = Path(settings.BASE_DIR) / "platform/dashboard/static/vendor"
TEMPLATES = Path(settings.BASE_DIR) / "templates"
FOREIGN = re.compile(r"<(?:script|link|img)[^>]*(?:src|href)=\"(?:https?:)?//")
DATA = r"type=\"application/json\""  # is never run
INLINE = re.compile(rf"<script(?![^>]*\s(?:src=|{DATA}))|<style|\sstyle=|\son[a-z]+=\"")
MANIFEST = json.loads((VENDOR / "MANIFEST.json").read_text())


def test_every_vendored_file_is_the_one_in_the_manifest() -> None:
    files = {
        str(file.relative_to(VENDOR)): "sha384-"
        + base64.b64encode(hashlib.sha384(file.read_bytes()).digest()).decode()
        for file in VENDOR.rglob("*")
        if file.is_file() and file.name != "MANIFEST.json"
    }
    assert files == MANIFEST["files"]


def test_every_vendored_package_brings_its_licence() -> None:
    for name, package in MANIFEST["packages"].items():
        assert (VENDOR / f"{name}@{package['version']}" / "LICENSE").exists()


def test_no_template_fetches_from_another_site() -> None:
    for template in TEMPLATES.rglob("*.html"):
        assert not FOREIGN.search(template.read_text()), template


def test_no_template_needs_an_inline_script_or_style() -> None:
    for template in TEMPLATES.rglob("*.html"):
        assert not INLINE.search(template.read_text()), template
