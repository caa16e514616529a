"""Files in S3 (the extra `s3`): what goes wrong there is an OSError, as it is with a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.core.files import File
from s3transfer.exceptions import RetriesExceededError  # type: ignore[import-untyped]  # has none
from storages.backends.s3 import S3Storage

# Its own defaults have a caller wait for minutes.
_PATIENCE = Config(connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 2})


class Unreachable(OSError):
    """The bucket does not answer, or not as it should: a wrong key, no such bucket, no network."""


class Bucket(S3Storage):  # type: ignore[misc]  # django-storages has no types
    client_config: Config

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.client_config = self.client_config.merge(_PATIENCE)

    def _open(self, name: str, mode: str = "rb") -> "File[Any]":
        with _faults_are_named():
            opened: File[Any] = super()._open(name, mode)
            try:
                opened.file  # noqa: B018 - fetched now, while an error can still be told
            except BaseException:
                opened.close()
                raise
            return opened

    def _save(self, name: str, content: "File[Any]") -> str:
        with _faults_are_named():
            saved: str = super()._save(name, content)
            return saved

    def delete(self, name: str) -> None:
        with _faults_are_named():
            super().delete(name)


@contextmanager
def _faults_are_named() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError, RetriesExceededError) as error:
        raise Unreachable(str(error)) from error
