"""Pictures of every page, light and dark, desktop and phone: `make shots` writes var/shots/."""

import argparse
import tempfile
from itertools import product
from pathlib import Path

from tests.browser import chromium
from tests.browser.pages import TEAM_PAGES, Visitor
from tests.running import Server

FOLDER = Path("var/shots")
PAST = "from tests.browser import seeding; seeding.fill(spent=7_100_000_000)"


def main() -> None:
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("names", nargs="*", help="Only pages whose names begin so.")
    wanted = tuple(reader.parse_args().names) or ("",)
    with tempfile.TemporaryDirectory() as place:
        server = Server(Path(place) / "data").start()
        try:
            server.manage(
                "shell",
                "-c",
                "from tests.browser import seeding; seeding.fill(spent=7_100_000_000)",
            )
            told = server.told
            visitor = Visitor(server.url, told["email"], told["password"])
            take(visitor, Path(place) / "session.json", wanted)
        finally:
            server.stop()


def take(visitor: Visitor, session: Path, wanted: tuple[str, ...] = ("",)) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with chromium.driven() as browser:
        visitor.sign_in(browser, session)
        for theme, is_phone in product(("light", "dark"), (False, True)):
            context = visitor.context(browser, theme, is_phone=is_phone)
            for name, path in TEAM_PAGES.items():
                if name.startswith(wanted):
                    page = visitor.open(context, path)
                    size = "phone" if is_phone else "desktop"
                    page.screenshot(path=FOLDER / f"{name}-{size}-{theme}.png")
                    page.close()
            context.close()


if __name__ == "__main__":
    main()
