"""What the environment says: SMARTER_API_KEY, _BASE_URL, _WEBHOOK_SECRET, _LOG.

Nothing here reads a variable of OpenAI's, and nothing lets the transport read one: their key would
otherwise go to our server.
"""

import logging
import os

from openai import OpenAIError

BASE_URL = "http://127.0.0.1:8000/v1"
_LEVELS = {"debug", "info", "warning", "error", "critical"}


def api_key(given: str | None) -> str:
    """The key to call with: `sk-…` as an argument, or SMARTER_API_KEY."""
    key = given or os.environ.get("SMARTER_API_KEY")
    if not key:
        raise OpenAIError(
            "No API key. Pass api_key=…, set SMARTER_API_KEY, or run `smarter login`."
        )
    return key


def base_url(given: object | None) -> str:
    """Where the platform answers, with its /v1; by default a server on this machine."""
    return str(given or os.environ.get("SMARTER_BASE_URL") or BASE_URL)


def webhook_secret(given: str | None) -> str:
    """What webhooks are signed with: `whsec_…`, or nothing."""
    return given or os.environ.get("SMARTER_WEBHOOK_SECRET") or ""


def set_up_logging() -> None:
    """Turns logging on when SMARTER_LOG names a level; called once, on import."""
    level = os.environ.get("SMARTER_LOG", "").lower()
    if level not in _LEVELS:
        return
    logging.basicConfig(
        format="[%(asctime)s - %(name)s:%(lineno)d - %(levelname)s] %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
    )
    for name in ("smarter", "openai"):  # the transport logs requests under its own name
        logging.getLogger(name).setLevel(level.upper())
