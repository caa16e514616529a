"""Django settings: embedded defaults, every production choice by an environment variable."""

import os
from pathlib import Path

from config import databases

BASE_DIR = Path(__file__).resolve().parents[2]
DATA_DIR = Path(os.environ.get("SMARTER_DATA", BASE_DIR / "var")).resolve()

SECRET_KEY = "x" * 50
DEBUG = True
ALLOWED_HOSTS = ["*"]

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "config",
    "api",
    "accounts",
    "billing",
    "inference",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

DATABASES = {"default": databases.read(DATA_DIR)}
DATABASE_POOL_SIZE = 16
DATABASE_WAIT_SECONDS = 1.5
