"""Which database Django talks to: DATABASE_URL, or the embedded server of the data folder."""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from config import env, postgres

CONNECT_SECONDS = 10  # whoever answers at the address with nothing is not waited for longer


def read(data: Path) -> dict[str, Any]:
    url = env.text("DATABASE_URL")
    if not url:
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": postgres.DATABASE,
            "USER": postgres.USER,
            "HOST": str(postgres.socket_folder(data)),
        }
    if not url.startswith(("postgres://", "postgresql://")):
        raise ImproperlyConfigured(
            "DATABASE_URL must begin with postgres:// (no other kind works)."
        )
    try:
        found = dict(environ.Env.db_url_config(url))  # type: ignore[no-untyped-call]  # environ is untyped
    except ValueError as error:  # not told: its words may be a part of the password
        raise ImproperlyConfigured(
            "DATABASE_URL cannot be read. Write postgres://user:password@host:5432/name, and in "
            "the password %2F for /, %23 for #, %3F for ? and %40 for @."
        ) from error
    found.setdefault("OPTIONS", {}).setdefault("connect_timeout", CONNECT_SECONDS)
    return found


def for_requests(database: dict[str, Any], connections: int) -> None:
    """Let a web process pool Django's connections, and end any statement that takes two seconds, or
    waits for one to let a row go: whose row that is may be nobody's who runs any more.

    Commands, migrations and the worker keep plain connections without that limit.
    """
    options = database.setdefault("OPTIONS", {})
    options["pool"] = {"min_size": 0, "max_size": connections, "timeout": 2.0}
    given = options.get("options", "")
    options["options"] = f"{given} -c statement_timeout=2000 -c lock_timeout=1000".strip()
