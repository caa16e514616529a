"""Structured logs: few facts as fields, keys blotted out wherever they turn up."""

import re
from typing import Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

_KEY = re.compile(r"\b(sk-|pk-|whsec_)[A-Za-z0-9_\-]{4,}")


_SHARED: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]
# 4xx answers are the callers' business and stand in their answers; the rest says too much.
_LEVELS = {
    "django.request": "ERROR",
    "django.server": "WARNING",
    "daphne": "WARNING",
    "uvicorn": "WARNING",
    "httpx": "WARNING",
    "botocore": "WARNING",
    "celery.beat": "WARNING",
    "celery.app.trace": "WARNING",
    "celery.worker.strategy": "WARNING",
}


def settings(*, as_json: bool, level: str) -> dict[str, Any]:
    """Django's LOGGING; structlog's own loggers write through the same handler."""
    structlog.configure(
        processors=[*_SHARED, redact, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*_SHARED, redact],
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _renderer(as_json=as_json),
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {name: {"level": quiet} for name, quiet in _LEVELS.items()},
    }


def _renderer(*, as_json: bool) -> Processor:
    if as_json:
        return structlog.processors.JSONRenderer(ensure_ascii=False)
    return structlog.dev.ConsoleRenderer(colors=False)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Blot out everything that looks like a key, in every field of every line."""
    return {name: _blotted(value) for name, value in event.items()}


def _blotted(value: object) -> object:
    """Strings at any depth; an object that is not one is judged by what it would print."""
    if isinstance(value, str):
        return _KEY.sub(r"\1…", value)
    if isinstance(value, dict):
        return {key: _blotted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_blotted(item) for item in value]
    if isinstance(value, Exception):
        return _KEY.sub(r"\1…", repr(value))
    return value
