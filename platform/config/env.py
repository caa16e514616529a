"""Typed readers of environment variables; a wrong value is named in one sentence."""

import os
from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured


def load(file: Path) -> None:
    """Read a `.env` file, where there is one; what the shell already set wins."""
    if file.exists():
        environ.Env.read_env(file)


def text(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def words(name: str, default: str = "") -> list[str]:
    """A comma-separated list."""
    return [word.strip() for word in text(name, default).split(",") if word.strip()]


def flag(name: str, *, default: bool = False) -> bool:
    value = text(name).lower()
    if value in {"", "1", "true", "yes", "on", "0", "false", "no", "off"}:
        return value in {"1", "true", "yes", "on"} if value else default
    raise ImproperlyConfigured(f"{name} must be true or false, not {value!r}.")


def number(name: str, default: int, *, least: int = 0) -> int:
    value = text(name, str(default))
    try:
        result = int(value)
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}.") from None
    if result < least:
        raise ImproperlyConfigured(f"{name} must be at least {least}, not {result}.")
    return result


def choice(name: str, allowed: tuple[str, ...]) -> str:
    """One of `allowed`; the first is the default."""
    value = text(name) or allowed[0]
    if value not in allowed:
        raise ImproperlyConfigured(f"{name} must be {' or '.join(allowed)}, not {value!r}.")
    return value


def address(name: str, kinds: tuple[str, ...]) -> str:
    """A URL that begins with one of `kinds`; empty when there is none."""
    value = text(name)
    if value and not value.startswith(kinds):  # its words are not told: it may hold a password
        raise ImproperlyConfigured(
            f"{name} must begin with {' or '.join(kinds)} (no other kind works)."
        )
    return value
