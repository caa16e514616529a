"""Which database Django talks to: DATABASE_URL, or the embedded server of the data folder."""

import os
from pathlib import Path

import environ

from config import postgres


def read(data: Path) -> dict[str, object]:
    if url := os.environ.get("DATABASE_URL"):
        return {**environ.Env.db_url_config(url)}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": postgres.DATABASE,
        "USER": postgres.USER,
        "HOST": str(postgres.socket_folder(data)),
    }
