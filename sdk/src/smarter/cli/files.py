"""`smarter files`: uploads with a bar of the bytes sent, downloads, and what there is."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from smarter.cli.credentials import client
from smarter.cli.failures import Refusal
from smarter.cli.output import Format, Shown, screen, show, show_all
from smarter.cli.resources import Id, Limit, first

COLUMNS = ("id", "filename", "bytes", "purpose", "status")


def list_files(limit: Limit = 50, output: Shown = Format.TABLE) -> None:
    """Lists files, the newest first."""
    with client() as known:
        show_all(first(known.files.list(), limit), COLUMNS, output)


def upload(
    path: Annotated[Path, typer.Argument(help="The file.")],
    purpose: Annotated[
        str, typer.Option(help="assistants, batch, fine-tune, vision or user_data.")
    ] = "user_data",
    output: Shown = Format.TABLE,
) -> None:
    """Uploads a file."""
    if not path.is_file():
        raise Refusal(f"{path} is no file.")
    with (
        _bar() as progress,
        progress.open(path, "rb", description=path.name) as content,
        client() as known,
    ):
        made = known.files.create(file=(path.name, content), purpose=purpose)  # type: ignore[arg-type]  # the server says which purposes it knows
    show(made, output)


def download(
    file_id: Id,
    to: Annotated[Path | None, typer.Option("--to", help="Where to; left out: stdout.")] = None,
) -> None:
    """Writes what is in a file."""
    with client() as known, known.files.with_streaming_response.content(file_id) as answer:
        if to is None:
            for piece in answer.iter_bytes():
                sys.stdout.buffer.write(piece)
        else:
            size = int(answer.headers.get("content-length", 0))
            _save(answer.iter_bytes(), size or None, to)


def _save(pieces: Iterable[bytes], size: int | None, to: Path) -> None:
    """Under its name when it is whole, so that a cut line leaves nothing that looks like it."""
    part = to.with_name(f"{to.name}.part")
    with _bar() as progress, part.open("wb") as written:
        task = progress.add_task(to.name, total=size)
        for piece in pieces:
            written.write(piece)
            progress.advance(task, len(piece))
    part.replace(to)


def _bar() -> Progress:
    """Of bytes, gone when they are through."""
    return Progress(
        TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(),
        TransferSpeedColumn(), console=screen, transient=True,
    )  # fmt: skip


def delete(file_id: Id) -> None:
    """Deletes a file."""
    with client() as known:
        known.files.delete(file_id)
    screen.out(f"{file_id}: deleted.", highlight=False)


def add_to(application: typer.Typer) -> None:
    group = typer.Typer(help="Files of the organisation.", no_args_is_help=True)
    group.command("list")(list_files)
    group.command("upload")(upload)
    group.command("download")(download)
    group.command("delete")(delete)
    application.add_typer(group, name="files")
