"""Brings a model from a hub into the data folder: judged first, resumed after a cut, checked."""

import fcntl
import os
import shutil
import time
from pathlib import Path
from typing import BinaryIO

import httpx
from rich.progress import Progress, TaskID

from inference import hub, pooling, vetting, weights
from inference.hub import HubFile, HubRefused, Snapshot

DESCRIPTIONS = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
    weights.INDEX,
    pooling.MODULES,
    pooling.POOLINGS,
    pooling.LIMITS,
)
ATTEMPTS = 6  # in a row without one new byte
WAIT_SECONDS = 1.0
SPARE_BYTES = 512 * 1024**2  # the disk holds more than models


class DownloadFailed(Exception):
    """Says what happened, and what to do next."""


def download(repository: str, revision: str, place: Path, progress: Progress) -> Path:
    """The folder `<place>@<commit>`, complete and verified; what is there already is kept.

    Raises DownloadFailed, HubRefused, ModelRefused.
    """
    with hub.connection() as client:
        found = hub.snapshot(client, repository, revision)
        if not {weights.SINGLE, weights.INDEX} & found.files.keys():
            raise vetting.ModelRefused(weights.missing(found.files))
        folder = place.with_name(f"{place.name}@{found.commit[:12]}")
        folder.mkdir(parents=True, exist_ok=True)
        for name in DESCRIPTIONS:
            if name in found.files:
                _fetch(client, found.files[name], folder, progress)
        vetting.vet_description(folder)
        large = _weight_files(found, folder)
        _need_room(folder, large)
        for file in large:
            _fetch(client, file, folder, progress)
    return folder


def _weight_files(found: Snapshot, folder: Path) -> list[HubFile]:
    names = [weights.SINGLE]
    if weights.INDEX in found.files:
        try:
            names = weights.shards((folder / weights.INDEX).read_bytes())
        except weights.BadWeights as error:
            raise vetting.ModelRefused(str(error)) from error
    if absent := [name for name in names if name not in found.files]:
        raise vetting.ModelRefused(f"The repository has no {absent[0]}, which its index names.")
    return [found.files[name] for name in names]


def _need_room(folder: Path, files: list[HubFile]) -> None:
    present = sum(path.stat().st_size for path in folder.iterdir())
    wanted = sum(file.size for file in files) + SPARE_BYTES - present
    free = shutil.disk_usage(folder).free
    if wanted > free:
        raise DownloadFailed(
            f"The model needs {wanted / 1e9:.1f} GB more, and {folder} has {free / 1e9:.1f} GB "
            "free. Make room or set SMARTER_DATA to a larger disk."
        )


def _fetch(client: httpx.Client, file: HubFile, folder: Path, progress: Progress) -> None:
    target, partial = folder / file.name, folder / f"{file.name}.partial"
    target.parent.mkdir(exist_ok=True)
    task = progress.add_task(file.name, total=file.size)
    if not (target.exists() and file.matches(target)):
        with partial.open("ab") as output:
            _lock(output, file)
            _receive(client, file, output, progress, task)
        if not file.matches(partial):
            partial.unlink()
            raise DownloadFailed(
                f"{file.name} arrived damaged: its checksum is not the hub's. It was deleted; "
                "run the command again."
            )
        partial.replace(target)
    progress.update(task, completed=file.size)


def _lock(output: BinaryIO, file: HubFile) -> None:
    try:
        fcntl.flock(output, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DownloadFailed(f"Another command is downloading {file.name} just now.") from error


def _receive(
    client: httpx.Client, file: HubFile, output: BinaryIO, progress: Progress, task: TaskID
) -> None:
    """Append until the file has its size, going on where a cut connection stopped."""
    fruitless = 0
    while (present := output.tell()) < file.size:
        progress.update(task, completed=present)
        reason = _append(client, file, output, progress, task)
        fruitless = 0 if output.tell() > present else fruitless + 1
        if fruitless == ATTEMPTS:
            raise DownloadFailed(
                f"{file.name} stopped at {present} of {file.size} bytes ({reason}). "
                "Run the command again: it goes on from there."
            )
        if reason:
            time.sleep(WAIT_SECONDS * 2**fruitless)
    output.flush()
    os.fsync(output.fileno())


def _append(
    client: httpx.Client, file: HubFile, output: BinaryIO, progress: Progress, task: TaskID
) -> str:
    """One request for what is missing; why it ended early, or nothing when it did not."""
    wanted = {"Range": f"bytes={output.tell()}-"} if output.tell() else {}
    try:
        with client.stream("GET", file.path, headers=wanted) as answer:
            answer.raise_for_status()
            if answer.status_code != httpx.codes.PARTIAL_CONTENT:
                output.truncate(0)  # this server sends the whole file, from its beginning
                output.seek(0)
            for piece in answer.iter_raw():
                output.write(piece[: file.size - output.tell()])
                progress.update(task, completed=output.tell())
                if output.tell() == file.size:
                    break
    except httpx.HTTPStatusError as error:
        if error.response.is_client_error and error.response.status_code not in {408, 429}:
            raise HubRefused(hub.explain(error, file.name)) from error
        return f"the hub answered {error.response.status_code}"
    except httpx.TransportError as error:
        return str(error) or type(error).__name__
    return "" if output.tell() == file.size else "the connection ended early"
