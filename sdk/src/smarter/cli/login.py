"""`smarter login`, `logout`, `whoami`."""

from typing import Annotated

import typer

from smarter import Smarter, _environment
from smarter.cli import credentials
from smarter.cli.output import Format, Shown, screen, show


def log_in(
    api_key: Annotated[
        str, typer.Option(prompt="API key", hide_input=True, help="Asked for when left out.")
    ],
    base_url: Annotated[str, typer.Option(help="Where the platform answers, with /v1.")] = "",
) -> None:
    """Checks a key and keeps it in a file that only you can read."""
    address = _environment.base_url(base_url)
    with Smarter(api_key=api_key.strip(), base_url=address) as client:
        me = client.resources.organisation.me()
    file = credentials.store(credentials.Credentials(api_key.strip(), address))
    told = f"Logged in to {address} for {me.organisation.name}. Kept in {file}."
    screen.out(told, highlight=False)


def log_out() -> None:
    """Forgets the key that `login` kept."""
    screen.print("Logged out." if credentials.forget() else "Nobody was logged in.")


def who_am_i(output: Shown = Format.TABLE) -> None:
    """Says whom the key speaks for."""
    with credentials.client() as client:
        show(client.resources.organisation.me(), output)


def add_to(application: typer.Typer) -> None:
    application.command("login")(log_in)
    application.command("logout")(log_out)
    application.command("whoami")(who_am_i)
