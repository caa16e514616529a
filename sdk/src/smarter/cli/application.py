"""All commands, put together."""

from typing import Annotated

import typer

from smarter._version import __version__
from smarter.cli import chatting, files, jobs, login, manifests, resources, usage

application = typer.Typer(
    name="smarter",
    help="The Smarter platform: chatbots, keys, files, jobs and money from the command line.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
login.add_to(application)
chatting.add_to(application)
resources.add_to(application)
files.add_to(application)
jobs.add_to(application)
usage.add_to(application)
manifests.add_to(application)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"smarter {__version__}")
        raise typer.Exit


@application.callback()
def options(
    _version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say the version.")
    ] = False,
) -> None:
    """Options of the program itself."""
