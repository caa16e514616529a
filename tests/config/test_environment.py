"""Settings from the environment: wrong values are named, production refuses what is unsafe."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.backends.postgresql.base import DatabaseWrapper

from config import databases, env, secret_key

STRONG = "x" * 50
SAFE = {"SMARTER_ENV": "production", "SECRET_KEY": STRONG, "ALLOWED_HOSTS": "api.example.com"}


def settings_of(tmp_path: Path, expression: str, **environment: str) -> str:
    """What a fresh process reads with these variables: the value, or the reason of its refusal."""
    code = f"from config import settings; print({expression})"
    kept = {"PATH": os.environ["PATH"], "SMARTER_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**kept, **environment}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return (done.stdout or done.stderr.strip().splitlines()[-1]).strip()


def test_production_starts_with_safe_values(tmp_path: Path) -> None:
    expression = "settings.SESSION_COOKIE_SECURE, settings.CSRF_COOKIE_SECURE, settings.DEBUG"
    assert settings_of(tmp_path, expression, **SAFE) == "True True False"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY"),
        ({"DEBUG": "true"}, "DEBUG"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
    ],
)
def test_production_refuses_what_is_unsafe(
    tmp_path: Path, change: dict[str, str], word: str
) -> None:
    reason = settings_of(tmp_path, "settings.DEBUG", **{**SAFE, **change})
    assert reason.startswith("django.core.exceptions.ImproperlyConfigured")
    assert word in reason


def test_development_makes_a_secret_key_once_and_keeps_it_private(tmp_path: Path) -> None:
    first = secret_key.read(tmp_path / "data", production=False)
    assert len(first) > 50
    assert secret_key.read(tmp_path / "data", production=False) == first
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o777 == 0o600


def test_a_data_folder_that_cannot_hold_the_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ImproperlyConfigured, match="SMARTER_DATA"):
        secret_key.read(tmp_path / "file", production=False)


def test_a_dotenv_file_gives_way_to_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMARTER_A", "shell")
    monkeypatch.setenv("SMARTER_B", "")  # so that it is put back
    monkeypatch.delenv("SMARTER_B")
    (tmp_path / ".env").write_text("SMARTER_A=file\nSMARTER_B=file\n")
    env.load(tmp_path / ".env")
    assert (env.text("SMARTER_A"), env.text("SMARTER_B")) == ("shell", "file")


def test_wrong_values_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMARTER_X", "many")
    for read in (
        lambda: env.number("SMARTER_X", 1),
        lambda: env.flag("SMARTER_X"),
        lambda: env.choice("SMARTER_X", ("a", "b")),
    ):
        with pytest.raises(ImproperlyConfigured, match=r"SMARTER_X.*'many'"):
            read()
    monkeypatch.setenv("SMARTER_X", "0")
    with pytest.raises(ImproperlyConfigured, match="at least 1"):
        env.number("SMARTER_X", 1, least=1)


@pytest.mark.parametrize("name", ["BROKER_URL", "REDIS_URL"])
@pytest.mark.parametrize("url", ["amqp://guest:secret@rabbit//", "localhost:6379/secret"])
def test_a_broker_or_redis_of_another_kind_is_refused_in_one_sentence_without_its_password(
    tmp_path: Path, name: str, url: str
) -> None:
    reason = settings_of(tmp_path, "settings.DEBUG", **{name: url})
    assert f"ImproperlyConfigured: {name} must begin with redis:// or rediss://" in reason
    assert "secret" not in reason


def test_without_a_database_url_the_embedded_server_of_the_data_folder_is_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    assert databases.read(tmp_path)["HOST"] == str(tmp_path / "postgres")


def test_a_database_url_is_read_with_its_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://ada:word@db.example:5433/smart?sslmode=require")
    read = databases.read(tmp_path)
    known = (read["HOST"], read["PORT"], read["NAME"], read["USER"], read["OPTIONS"]["sslmode"])
    assert known == ("db.example", 5433, "smart", "ada", "require")


@pytest.mark.parametrize("url", ["postgres://u:secret/1@h/x", "postgres://u:p@h:secret/x"])
def test_a_database_url_that_cannot_be_read_is_told_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(ImproperlyConfigured, match="%2F for /") as refused:
        databases.read(tmp_path)
    assert "secret" not in str(refused.value)


def test_whoever_takes_the_connection_and_says_nothing_is_no_database_after_some_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "CONNECT_SECONDS", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgres://u:p@127.0.0.1:{silent.getsockname()[1]}/x"
        monkeypatch.setenv("DATABASE_URL", url)
        wrapper = DatabaseWrapper({**connection.settings_dict, **databases.read(tmp_path)})
        with pytest.raises(psycopg.OperationalError, match="timeout"):
            wrapper.connect()


def test_requests_are_pooled_and_no_statement_of_theirs_takes_long() -> None:
    options: dict[str, Any] = {"options": "-c search_path=x"}
    databases.for_requests({"OPTIONS": options}, 7)
    given = "-c search_path=x -c statement_timeout=2000 -c lock_timeout=1000"
    assert options["options"] == given
    assert options["pool"]["max_size"] == 7
