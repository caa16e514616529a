"""`make widget-shots`: each state of the widget as a picture, light, dark and on a phone."""

import sys
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser

from tests.browser import chromium
from tests.browser.widget import sites
from tests.browser.widget.fake_server import FakeServer
from tests.browser.widget.seen import Seen
from tests.browser.widget.states import STATES
from tests.running import ROOT

PLACE: Final = ROOT / "var" / "shots" / "widget"
DESK: Final[dict[str, Any]] = {"viewport": {"width": 720, "height": 720}}
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 375, "height": 740}, "has_touch": True, "is_mobile": True,
    "device_scale_factor": 2,
}  # fmt: skip
LOOKS: Final[dict[str, dict[str, Any]]] = {
    "light": {**DESK, "color_scheme": "light"},
    "dark": {**DESK, "color_scheme": "dark"},
    "phone-light": {**PHONE, "color_scheme": "light"},
    "phone-dark": {**PHONE, "color_scheme": "dark"},
}


def main() -> None:
    PLACE.mkdir(parents=True, exist_ok=True)
    if chromium.found() is None:
        sys.exit(chromium.MISSING)
    with chromium.driven() as browser:
        for look in LOOKS:
            made = [shot(browser, look, state) for state in STATES]
            if look == "light":
                made += [shot(browser, look, "answered", dir="rtl", lang="ar")]
                made += [shot(browser, look, "answered", mode=mode) for mode in ("inline", "full")]
            sheet(browser, look, made)


def shot(browser: Browser, look: str, state: str, **options: str) -> Path:
    fake, site = FakeServer().start(), sites.Site()
    mode = options.get("mode", "bubble")
    data = {"bot": "support", "key": "pk-test", "mode": mode, "privacy": "https://fernhill.example"}
    direction = options.get("dir", "ltr")
    html = sites.page(fake.url, data, lang=options.get("lang", "en"), direction=direction)
    site.pages["/"] = (html, sites.strict(fake.url))
    context = browser.new_context(**LOOKS[look])
    page = context.new_page()
    seen = Seen(page)
    page.goto(site.url)
    STATES[state](seen, fake)
    page.wait_for_timeout(150)
    file = PLACE / "-".join([look, *options.values(), f"{state}.png"])
    page.screenshot(path=file)
    context.close()
    fake.close()
    site.close()
    return file


def sheet(browser: Browser, look: str, files: list[Path]) -> None:
    """All of them on one page, to be looked at beside each other."""
    page = browser.new_page(viewport={"width": 1800, "height": 900})
    images = "".join(f'<img src="{file.name}" alt="">' for file in files)
    index = PLACE / f"{look}.html"
    style = "body{margin:8px;background:#8a8378;display:grid;gap:8px;grid-template-columns:"
    index.write_text(f"<style>{style}repeat(5,1fr)}}img{{width:100%}}</style>{images}")
    page.goto(index.as_uri())
    page.screenshot(path=PLACE / f"all-{look}.png", full_page=True)
    page.close()
    sys.stdout.write(f"{PLACE / f'all-{look}.png'}\n")


if __name__ == "__main__":
    main()
