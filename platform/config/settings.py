"""Django settings: embedded defaults, every production choice by an environment variable."""

from datetime import timedelta
from pathlib import Path

from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured

from config import databases, env, logs, secret_key

BASE_DIR = Path(__file__).resolve().parents[2]
env.load(BASE_DIR / ".env")
DATA_DIR = Path(env.text("SMARTER_DATA") or BASE_DIR / "var").resolve()
PRODUCTION = env.choice("SMARTER_ENV", ("development", "production")) == "production"

# --- accounts in the browser, mail, payments, webhooks: settings in a file of their own
from config.people import *  # noqa: E402, F403 - what Django looks for, after .env was read

# --- who we are
SECRET_KEY = secret_key.read(DATA_DIR, production=PRODUCTION)
DEBUG = env.flag("DEBUG")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "" if PRODUCTION else "localhost,127.0.0.1,[::1]")
if PRODUCTION and DEBUG:
    raise ImproperlyConfigured("SMARTER_ENV=production refuses DEBUG: it shows code to visitors.")
if PRODUCTION and not ALLOWED_HOSTS:
    raise ImproperlyConfigured("SMARTER_ENV=production needs ALLOWED_HOSTS (api.example.com).")

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
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "django_cotton",
    "django_htmx",
    "config",
    "api",
    "accounts",
    "billing",
    "files",
    "inference",
    "inference.batches",
    "inference.fine_tuning",
    "knowledge",
    "chatbots",
    "dashboard",
]
MIDDLEWARE = [  # security headers and hosts: edge.py, for every door
    "config.turns.middleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "api.languages.PagesAreTranslated",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "api.exception_handler.UnstorableMeansUnknown",
]
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
AUTH_USER_MODEL = "accounts.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LOCALE_PATHS = [BASE_DIR / "locale"]
STATIC_URL = "/static/"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.frame.context",
            ],
        },
    },
]

# --- Postgres, by two roads: Django's own, and the asynchronous pool of the generating routes
DATABASES = {"default": databases.read(DATA_DIR)}
DATABASE_POOL_SIZE = env.number("DATABASE_POOL_SIZE", 16, least=1)
DATABASE_WAIT_SECONDS = 1.5

# --- what web processes share: limits, caps, events of answers; without it there is one process
REDIS_URL = env.address("REDIS_URL", ("redis://", "rediss://", "unix://"))

# --- web processes: one a command; more than one on a database needs REDIS_URL (web_lock.py)
WEB_PROCESSES = env.number("WEB_CONCURRENCY", 1, least=1)
DRAIN_SECONDS = env.number("DRAIN_SECONDS", 30)
# An answer is cut after so long, and refused if it has not begun by then.
METRICS_KEY = env.text("METRICS_KEY")
RUN_SECONDS = env.number("RUN_SECONDS", 600, least=1)
FIRST_TOKEN_SECONDS = env.number("FIRST_TOKEN_SECONDS", 60, least=1)
# A balance that pays for so many output tokens lowers max_tokens; a smaller one refuses.
LEAST_OUTPUT_TOKENS = env.number("LEAST_OUTPUT_TOKENS", 16, least=1)
MAX_BODY_BYTES = 4 * 1024 * 1024
# Chat sockets, of all web processes together; an address may be a whole office.
CHAT_SOCKETS = {
    "address": env.number("CHAT_SOCKETS_PER_ADDRESS", 200, least=1),
    "visitor": env.number("CHAT_SOCKETS_PER_VISITOR", 10, least=1),
    "chatbot": env.number("CHAT_SOCKETS_PER_CHATBOT", 5000, least=1),
}
# Of an engine's 128 sequences so many may be batches'; the others are for live calls.
BATCH_LINES_AT_ONCE = env.number("BATCH_LINES_AT_ONCE", 64, least=1)

# --- files: a folder, or S3 (the extra `s3`); bytes of an organisation without a quota of its own
FILE_QUOTA_BYTES = env.number("FILE_QUOTA_MB", 10_240) * 1024 * 1024
# Text of chunks in an organisation's vector stores, which lies in the database.
KNOWLEDGE_QUOTA_BYTES = env.number("KNOWLEDGE_QUOTA_MB", 2048) * 1024 * 1024
# Reading one file takes up to a gibibyte and a processor.
KNOWLEDGE_FILES_AT_ONCE = env.number("KNOWLEDGE_FILES_AT_ONCE", 2, least=1)
# The id of a model with embeddings, or off; empty: the encoder that was installed first.
KNOWLEDGE_EMBEDDING_MODEL = env.text("KNOWLEDGE_EMBEDDING_MODEL")
FILES_BUCKET = env.text("FILES_S3_BUCKET")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "dashboard.static_names.HashedNames"},
    "files": {
        "BACKEND": "files.bucket.Bucket",
        "OPTIONS": {
            "bucket_name": FILES_BUCKET,
            "default_acl": "private",
            "querystring_auth": True,
        },
    }
    if FILES_BUCKET
    else {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": DATA_DIR / "files",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    },
}
FILE_UPLOAD_TEMP_DIR = DATA_DIR / "incoming"  # never a /tmp that may be memory
SILENCED_SYSTEM_CHECKS = ["files.E001"]  # that folder is made when the site starts
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

# --- passwords, cookies, transport
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PRODUCTION
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed (CIDRs).
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")

# --- pages for people: the strictest policy; the administration and /docs/ have theirs in edge.py
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/dashboard/"
CSRF_FAILURE_VIEW = "dashboard.errors.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ("/admin/", "/docs/"),
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
    },
}

# --- REST resources and their description
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.APIKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.parsing.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.parsing.IgnoreAccept",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "api.schema.Schema",
    "EXCEPTION_HANDLER": "api.exception_handler.handle",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Smarter",
    "DESCRIPTION": "OpenAI-compatible generation, prepaid to the nano-dollar. "
    "Guides: [SDKs](/docs/guides/sdks/), [error handling](/docs/guides/errors/), "
    "[all](/docs/guides/).",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SCHEMA_PATH_PREFIX": "/v1",
    "TAGS": [  # in the order of the reference
        {"name": "generation"},
        {"name": "chatbots"},
        {"name": "models"},
        {"name": "files"},
        {"name": "batches"},
        {"name": "fine-tuning"},
        {"name": "vector stores"},
        {"name": "money"},
        {"name": "API keys"},
        {"name": "accounts"},
        {"name": "webhooks"},
        {"name": "service"},
    ],
    "ENUM_NAME_OVERRIDES": {
        "APIKeyKindEnum": "accounts.models.APIKey.Kind",
        "RoleEnum": "accounts.models.Membership.Role",
        "FilePurposeEnum": "files.models.StoredFile.Purpose",
        "GivenPurposeEnum": "files.models.stored_file.GIVEN",
        "StoreFileStatusEnum": ["in_progress", "completed", "cancelled", "failed"],
        "APIKeyStatusEnum": ["active", "expired", "revoked"],
    },
    "OAS_VERSION": "3.1.0",  # the generating routes are described in JSON Schema 2020-12
    "PREPROCESSING_HOOKS": ["api.schema.only_prefixed"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "inference.gateway.openapi.add_generating_routes",
        "chatbots.gateway.routes.describe",
        "api.schema.add_health",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}
UNFOLD = {"SITE_TITLE": "Smarter", "SITE_HEADER": "Smarter", "SITE_SYMBOL": "bolt"}

# --- background work: the broker only wakes the worker, what is to be done stands in Postgres
CELERY_BROKER_URL = env.address("BROKER_URL", ("redis://", "rediss://")) or "filesystem://"
CELERY_BROKER_TRANSPORT_OPTIONS = (
    {
        "data_folder_in": str(DATA_DIR / "broker" / "queue"),
        "data_folder_out": str(DATA_DIR / "broker" / "queue"),
        "control_folder": str(DATA_DIR / "broker" / "control"),
        "store_processed": False,
    }
    if CELERY_BROKER_URL == "filesystem://"
    # Who wakes the worker waits only this long for a broker that is away: beat wakes it, too.
    else {"max_retries": 1, "interval_start": 0, "interval_max": 0.1, "socket_connect_timeout": 0.5}
)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_BEAT_SCHEDULE = {
    task: {"task": task, "schedule": every}
    for task, every in {
        "accounts.tasks.forget_refusals": crontab(hour="3", minute="40"),
        "accounts.tasks.send_webhooks": timedelta(seconds=15),
        "billing.tasks.tell_low_balance": timedelta(seconds=15),
        "billing.tasks.tell_spending_cap": timedelta(minutes=1),
        "billing.tasks.top_up": timedelta(seconds=15),
        "billing.tasks.collect_taken_back": timedelta(seconds=15),
        "billing.tasks.sweep": timedelta(seconds=15),
        "billing.tasks.roll_up": timedelta(minutes=1),
        "billing.tasks.audit": timedelta(hours=1),
        "chatbots.tasks.end_lost": timedelta(seconds=5),
        "chatbots.tasks.keep_nothing": timedelta(minutes=5),
        "chatbots.tasks.purge": crontab(hour="3", minute="20"),  # at night, in UTC
        "files.tasks.clean": timedelta(minutes=5),
        "inference.batches.tasks.work": timedelta(seconds=5),
        "inference.tasks.fail_lost": timedelta(seconds=15),
        "inference.tasks.forget": timedelta(minutes=5),
        "knowledge.tasks.expire": timedelta(minutes=5),
        "knowledge.tasks.work": timedelta(seconds=5),
    }.items()
} | {
    "inference.fine_tuning.tasks.work": {  # each worker's clock strikes for its own queues alone
        "task": "inference.fine_tuning.tasks.work",
        "schedule": timedelta(seconds=5),
        "options": {"queue": "training"},
    }
}

LOGGING = logs.settings(as_json=PRODUCTION, level=env.text("LOG_LEVEL", "INFO"))
