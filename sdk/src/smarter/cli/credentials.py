"""Where `smarter login` keeps key and address: a file that only its owner can read."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from smarter import Smarter, SmarterError


@dataclass(frozen=True)
class Credentials:
    """A key and the server that it is for."""

    api_key: str
    base_url: str


class NotLoggedIn(SmarterError):
    """Neither the environment nor `smarter login` gave a key."""


def place() -> Path:
    """The file: under XDG_CONFIG_HOME, or ~/.config."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "smarter" / "credentials.json"


def store(credentials: Credentials) -> Path:
    """Writes them, readable by their owner alone from the first byte on."""
    file = place()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = file.with_suffix(".new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as written:
        json.dump(asdict(credentials), written)
    new.replace(file)
    return file


def forget() -> bool:
    """Removes them; False when there were none."""
    file = place()
    known = file.exists()
    file.unlink(missing_ok=True)
    return known


def stored() -> Credentials | None:
    """What `store` wrote; None when it never did, or when the file is none of ours."""
    try:
        return Credentials(**json.loads(place().read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def client() -> Smarter:
    """A client by the environment first, then by the stored login."""
    kept = stored()
    key = os.environ.get("SMARTER_API_KEY") or (kept and kept.api_key)
    if not key:
        raise NotLoggedIn("Not logged in. Run `smarter login`, or set SMARTER_API_KEY.")
    address = os.environ.get("SMARTER_BASE_URL") or (kept and kept.base_url)
    return Smarter(api_key=key, base_url=address or None)
