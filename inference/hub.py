"""What a model hub says of a repository: its commit, its files and their checksums."""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
from pydantic import BaseModel, Field, ValidationError

REPOSITORY = re.compile(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", re.ASCII)
REVISION = re.compile(r"[\w-][\w./-]*", re.ASCII)


class HubRefused(Exception):
    """The hub cannot be reached, does not know the repository, or keeps it from us; says which."""


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file with its checksum: sha256 where it is large, git's own hash where it is small."""

    name: str
    size: int
    sha256: str | None
    git_hash: str | None
    path: str  # below the hub's endpoint

    def matches(self, path: Path) -> bool:
        if path.stat().st_size != self.size:
            return False
        with path.open("rb") as content:
            if self.sha256:
                return hashlib.file_digest(content, "sha256").hexdigest() == self.sha256
            digest = hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)
            while piece := content.read(1024**2):
                digest.update(piece)
            return digest.hexdigest() == self.git_hash


@dataclass(frozen=True, slots=True)
class Snapshot:
    commit: str
    files: dict[str, HubFile]


class _LargeFile(BaseModel):
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Sibling(BaseModel):
    rfilename: str
    size: Annotated[int, Field(ge=0)]
    blobId: Annotated[str | None, Field(pattern=r"^[0-9a-f]{40}$")] = None  # noqa: N815 - the hub's own spelling
    lfs: _LargeFile | None = None


class _Revision(BaseModel):
    sha: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    siblings: list[_Sibling]


@contextmanager
def connection() -> Iterator[httpx.Client]:
    """A client of the hub named by HF_ENDPOINT; HF_TOKEN opens gated repositories.

    httpx keeps the token from other hosts when the hub redirects to its storage.
    """
    endpoint = os.environ.get("HF_ENDPOINT", "https://huggingface.co")
    # Compressed transfers cannot be resumed by a byte range.
    headers = {"Accept-Encoding": "identity"}
    if token := os.environ.get("HF_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    timeout = httpx.Timeout(30, connect=10)
    with httpx.Client(
        base_url=endpoint, headers=headers, timeout=timeout, follow_redirects=True
    ) as client:
        yield client


def snapshot(client: httpx.Client, repository: str, revision: str) -> Snapshot:
    """The files of one revision, pinned to its commit. Raises HubRefused."""
    if not REPOSITORY.fullmatch(repository) or not REVISION.fullmatch(revision):
        raise HubRefused(f"{repository}@{revision} is no name of a repository (owner/name).")
    try:
        answer = client.get(
            f"/api/models/{repository}/revision/{revision.replace('/', '%2F')}",
            params={"blobs": "true"},
        )
        answer.raise_for_status()
        found = _Revision.model_validate_json(answer.content)
    except httpx.HTTPStatusError as error:
        raise HubRefused(explain(error, f"{repository}@{revision}")) from error
    except httpx.TransportError as error:
        raise HubRefused(f"The hub at {client.base_url} cannot be reached: {error}.") from error
    except ValidationError as error:
        raise HubRefused(f"{client.base_url} does not answer like a model hub.") from error
    files = (_file(sibling, repository, found.sha) for sibling in found.siblings)
    return Snapshot(found.sha, {file.name: file for file in files})


def explain(error: httpx.HTTPStatusError, what: str) -> str:
    """An HTTP error of the hub as a sentence that says what to do."""
    status = error.response.status_code
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return (
            f"The hub does not let us read {what}. If its licence must be accepted, do so in a "
            "browser, then set HF_TOKEN to a token of that account."
        )
    if status == httpx.codes.NOT_FOUND:
        return f"The hub has no {what}. Check the name and the revision."
    return f"The hub answered {status} for {what}. Try again later."


def _file(sibling: _Sibling, repository: str, commit: str) -> HubFile:
    return HubFile(
        name=sibling.rfilename,
        size=sibling.size,
        sha256=sibling.lfs.sha256 if sibling.lfs else None,
        git_hash=sibling.blobId,
        path=f"/{repository}/resolve/{commit}/{sibling.rfilename}",
    )
