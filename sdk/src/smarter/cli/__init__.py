"""The command line: `smarter login`, `smarter chat my-chatbot`, `smarter files upload FILE`."""

import sys

try:
    from smarter.cli.application import application
except ModuleNotFoundError as missing:  # the library itself does without typer, rich and yaml
    if missing.name not in {"typer", "rich", "yaml"}:
        raise
    sys.exit("The command line needs more: pip install 'smarter-api[cli]'")

from smarter.cli.failures import guarded


def main() -> None:
    """Runs a command; its exit code says what kept it from its end."""
    guarded(application)
